package dev.depths.loader.chat;

import java.util.List;
import jinjava.de.odysseus.el.tree.Bindings;
import jinjava.de.odysseus.el.tree.impl.ast.AstNode;
import jinjava.de.odysseus.el.tree.impl.ast.AstRightValue;
import jinjava.javax.el.ELContext;

/** A node of an expression that evaluates as Python does, where the expression language of Jinjava does otherwise. */
final class PythonNode extends AstRightValue {
  /** What the node computes. */
  @FunctionalInterface
  interface Evaluation {
    Object eval(Bindings bindings, ELContext context);
  }

  private final String name;
  private final List<AstNode> children;
  private final Evaluation evaluation;

  PythonNode(String name, List<AstNode> children, Evaluation evaluation) {
    this.name = name;
    this.children = children;
    this.evaluation = evaluation;
  }

  @Override
  public Object eval(Bindings bindings, ELContext context) {
    return evaluation.eval(bindings, context);
  }

  @Override
  public void appendStructure(StringBuilder builder, Bindings bindings) {
    builder.append(name);
  }

  @Override
  public int getCardinality() {
    return children.size();
  }

  @Override
  public AstNode getChild(int i) {
    return children.get(i);
  }

  @Override
  public String toString() {
    return name;
  }
}
