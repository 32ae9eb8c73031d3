package dev.depths.loader.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.tag.ElseTag;
import com.hubspot.jinjava.lib.tag.ForTag;
import com.hubspot.jinjava.lib.tag.Tag;
import com.hubspot.jinjava.tree.Node;
import com.hubspot.jinjava.tree.TagNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * {@code for x, y in elements if condition ... else ... endfor}. Unlike Jinjava's own it has the condition and the
 * else, a scope for each turn, and loops over a string's characters.
 */
final class ForStatement implements Tag {
  private static final long serialVersionUID = 1L;

  /** The parts of a statement's head; without a condition, null. */
  private record Head(List<String> names, String elements, String condition) {}

  @Override
  public String getName() {
    return ForTag.TAG_NAME;
  }

  @Override
  public String interpret(TagNode node, JinjavaInterpreter interpreter) {
    Budget budget = ((SandboxInterpreter) interpreter).budget();
    Head head = parse(node.getHelpers());
    Object collection = interpreter.resolveELExpression(head.elements(), node.getLineNumber());
    List<Object> elements = select(head, elements(collection, budget), node, interpreter);
    List<Node> children = node.getChildren();
    int otherwise = elseIndex(node);
    StringBuilder text = new StringBuilder();
    if (elements.isEmpty()) {
      try (JinjavaInterpreter.InterpreterScopeClosable _ = interpreter.enterScope()) {
        render(children.subList(Math.min(otherwise + 1, children.size()), children.size()), null, interpreter, text);
      }
      return text.toString();
    }
    LoopState loop = new LoopState(elements, depth(interpreter));
    List<Node> body = children.subList(0, otherwise);
    while (loop.hasNext()) {
      try (JinjavaInterpreter.InterpreterScopeClosable _ = interpreter.enterScope()) {
        bind(head.names(), loop.next(), interpreter);
        interpreter.getContext().put(ForTag.LOOP, loop);
        render(body, loop, interpreter, text);
      }
      budget.step();
    }
    return text.toString();
  }

  private static void render(List<Node> nodes, LoopState loop, JinjavaInterpreter interpreter, StringBuilder text) {
    for (Node node : nodes) {
      text.append(((SandboxInterpreter) interpreter).budget().spend(node.render(interpreter).getValue()));
      if (loop != null && loop.isContinued()) {
        return;
      }
    }
  }

  private static int depth(JinjavaInterpreter interpreter) {
    return interpreter.getContext().get(ForTag.LOOP) instanceof LoopState outer ? outer.depth() + 1 : 0;
  }

  /** Index of the else among the children, or their number. */
  private static int elseIndex(TagNode node) {
    int i = 0;
    for (Node child : node.getChildren()) {
      if (child instanceof TagNode tag && tag.getName().equals(ElseTag.TAG_NAME)) {
        return i;
      }
      i++;
    }
    return i;
  }

  private static List<Object> elements(Object value, Budget budget) {
    return switch (value) {
      case List<?> list -> new ArrayList<>(list);
      case Map<?, ?> map -> new ArrayList<>(map.keySet());
      case String s -> {
        budget.spend(s.length());
        yield new ArrayList<>(s.codePoints().mapToObj(Character::toString).toList());
      }
      case null -> List.of();
      default -> throw new ChatTemplateException("the chat template loops over " + PythonValues.typeName(value));
    };
  }

  private static List<Object> select(Head head, List<Object> elements, TagNode node, JinjavaInterpreter interpreter) {
    if (head.condition() == null) {
      return elements;
    }
    List<Object> selected = new ArrayList<>();
    for (Object element : elements) {
      try (JinjavaInterpreter.InterpreterScopeClosable _ = interpreter.enterScope()) {
        bind(head.names(), element, interpreter);
        ((SandboxInterpreter) interpreter).budget().step();
        if (PythonValues.truth(interpreter.resolveELExpression(head.condition(), node.getLineNumber()))) {
          selected.add(element);
        }
      }
    }
    return selected;
  }

  private static void bind(List<String> names, Object element, JinjavaInterpreter interpreter) {
    if (names.size() == 1) {
      interpreter.getContext().put(names.getFirst(), interpreter.wrap(element));
      return;
    }
    if (!(element instanceof List<?> parts) || parts.size() != names.size()) {
      throw new ChatTemplateException("the chat template unpacks " + PythonValues.typeName(element) + " into "
          + names.size() + " names");
    }
    for (int i = 0; i < names.size(); i++) {
      interpreter.getContext().put(names.get(i), interpreter.wrap(parts.get(i)));
    }
  }

  private static Head parse(String helpers) {
    int in = topLevel(helpers, "in", 0);
    if (in < 0) {
      throw new ChatTemplateException("the chat template has a for without in");
    }
    List<String> names = new ArrayList<>();
    for (String name : helpers.substring(0, in).replace("(", "").replace(")", "").split(",")) {
      names.add(name.strip());
    }
    String rest = helpers.substring(in + "in".length());
    if (rest.stripTrailing().endsWith(" recursive")) {
      throw new ChatTemplateException("the chat template has a recursive for, which is not supported");
    }
    int condition = topLevel(rest, "if", 0);
    // With an else behind it, it is a conditional expression.
    boolean filters = condition >= 0 && topLevel(rest, "else", condition) < 0;
    return new Head(names, filters ? rest.substring(0, condition) : rest,
        filters ? rest.substring(condition + "if".length()) : null);
  }

  /** Where a word stands outside strings and brackets, or -1. */
  private static int topLevel(String text, String word, int from) {
    int depth = 0;
    char quote = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (quote != 0) {
        i += c == '\\' ? 1 : 0;
        quote = c == quote ? 0 : quote;
      } else if (c == '\'' || c == '"') {
        quote = c;
      } else if (c == '(' || c == '[' || c == '{') {
        depth++;
      } else if (c == ')' || c == ']' || c == '}') {
        depth--;
      } else if (depth == 0 && i >= from && text.startsWith(word, i) && isWord(text, i, i + word.length())) {
        return i;
      }
    }
    return -1;
  }

  private static boolean isWord(String text, int from, int to) {
    return (from == 0 || !Character.isJavaIdentifierPart(text.charAt(from - 1)))
        && (to == text.length() || !Character.isJavaIdentifierPart(text.charAt(to)));
  }
}
