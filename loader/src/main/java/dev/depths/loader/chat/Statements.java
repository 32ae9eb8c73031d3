package dev.depths.loader.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.tag.IfTag;
import com.hubspot.jinjava.lib.tag.MacroTag;
import com.hubspot.jinjava.lib.tag.Tag;
import com.hubspot.jinjava.tree.Node;
import com.hubspot.jinjava.tree.TagNode;
import java.util.regex.Pattern;

/** Statements that differ from Jinjava's in little; see {@link ForStatement} for the one that differs in much. */
final class Statements {
  private Statements() {}

  /** Jinjava takes the string {@code false} for false. */
  static final class If extends IfTag {
    private static final long serialVersionUID = 1L;

    @Override
    public boolean isPositiveIfElseNode(TagNode node, JinjavaInterpreter interpreter) {
      return PythonValues.truth(interpreter.resolveELExpression(node.getHelpers(), node.getLineNumber()));
    }
  }

  /** Jinjava's pattern for a macro's head takes cubic time on hostile ones: only well-formed heads reach it. */
  static final class Macro extends MacroTag {
    private static final long serialVersionUID = 1L;
    private static final int MAX_HEAD = 1000;
    private static final Pattern HEAD = Pattern.compile("\\s*+[A-Za-z_]\\w*+\\s*+\\([^()]*+\\)\\s*+");

    @Override
    public String interpret(TagNode node, JinjavaInterpreter interpreter) {
      if (node.getHelpers().length() > MAX_HEAD || !HEAD.matcher(node.getHelpers()).matches()) {
        throw new ChatTemplateException("the chat template defines a macro in a way that is not supported");
      }
      return super.interpret(node, interpreter);
    }
  }

  /** {@code generation}: marks what the assistant says, for training; here its body alone counts. */
  static final class Generation implements Tag {
    private static final long serialVersionUID = 1L;

    @Override
    public String getName() {
      return "generation";
    }

    @Override
    public String interpret(TagNode node, JinjavaInterpreter interpreter) {
      StringBuilder text = new StringBuilder();
      for (Node child : node.getChildren()) {
        text.append(child.render(interpreter).getValue());
      }
      return text.toString();
    }
  }
}
