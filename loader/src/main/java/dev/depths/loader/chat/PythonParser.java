package dev.depths.loader.chat;

import com.hubspot.jinjava.el.ext.AstDict;
import com.hubspot.jinjava.el.ext.AstList;
import com.hubspot.jinjava.el.ext.AstTuple;
import com.hubspot.jinjava.el.ext.ExtendedParser;
import com.hubspot.jinjava.el.ext.NamedParameter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import jinjava.de.odysseus.el.tree.impl.Builder;
import jinjava.de.odysseus.el.tree.impl.Builder.Feature;
import jinjava.de.odysseus.el.tree.impl.Parser;
import jinjava.de.odysseus.el.tree.impl.Scanner.ScanException;
import jinjava.de.odysseus.el.tree.impl.Scanner.Symbol;
import jinjava.de.odysseus.el.tree.impl.ast.AstBracket;
import jinjava.de.odysseus.el.tree.impl.ast.AstDot;
import jinjava.de.odysseus.el.tree.impl.ast.AstNode;
import jinjava.de.odysseus.el.tree.impl.ast.AstParameters;
import jinjava.de.odysseus.el.tree.impl.ast.AstString;
import jinjava.de.odysseus.el.tree.Bindings;
import jinjava.javax.el.ELContext;

/**
 * Jinjava's expression parser, brought to Jinja2's grammar where the two part: {@code not} binds looser than
 * comparisons and tests, {@code and} and {@code or} give an operand, slices have steps, named arguments are whole
 * expressions, equality and {@code +} do not convert between types, and attributes of what is not defined are errors.
 */
final class PythonParser extends ExtendedParser {
  /** Of brackets; deeper expressions exist in hostile templates only. */
  private static final int MAX_DEPTH = 200;

  /** Makes these parsers for Jinjava's expression factory. */
  static final class Factory extends Builder {
    private static final long serialVersionUID = 1L;

    Factory() {
      super(Feature.METHOD_INVOCATIONS, Feature.VARARGS);
    }

    @Override
    protected Parser createParser(String expression) {
      return new PythonParser(this, expression);
    }
  }

  private PythonParser(Builder builder, String expression) {
    super(builder, expression);
    int depth = 0;
    for (int i = 0; i < expression.length(); i++) {
      char c = expression.charAt(i);
      depth += c == '(' || c == '[' || c == '{' ? 1 : c == ')' || c == ']' || c == '}' ? -1 : 0;
      if (depth > MAX_DEPTH) {
        throw new ChatTemplateException("the chat template nests an expression deeper than " + MAX_DEPTH);
      }
    }
  }

  @Override
  protected AstNode or(boolean required) throws ScanException, ParseException {
    AstNode value = and(required);
    while (value != null && getToken().getSymbol() == Symbol.OR) {
      consumeToken();
      AstNode left = value;
      AstNode right = and(true);
      value = node("or", (bindings, context) -> {
        Object first = left.eval(bindings, context);
        return PythonValues.truth(first) ? first : right.eval(bindings, context);
      }, left, right);
    }
    return value;
  }

  @Override
  protected AstNode and(boolean required) throws ScanException, ParseException {
    AstNode value = not(required);
    while (value != null && getToken().getSymbol() == Symbol.AND) {
      consumeToken();
      AstNode left = value;
      AstNode right = not(true);
      value = node("and", (bindings, context) -> {
        Object first = left.eval(bindings, context);
        return PythonValues.truth(first) ? right.eval(bindings, context) : first;
      }, left, right);
    }
    return value;
  }

  private AstNode not(boolean required) throws ScanException, ParseException {
    boolean negated = false;
    boolean any = false;
    while (getToken().getSymbol() == Symbol.NOT) {
      consumeToken();
      negated ^= true;
      any = true;
    }
    AstNode value = eq(required || any);
    if (!any) {
      return value;
    }
    boolean truthAsIs = !negated;
    return node("not", (bindings, context) -> PythonValues.truth(value.eval(bindings, context)) == truthAsIs, value);
  }

  @Override
  protected AstNode eq(boolean required) throws ScanException, ParseException {
    AstNode value = cmp(required);
    while (value != null && (getToken().getSymbol() == Symbol.EQ || getToken().getSymbol() == Symbol.NE)) {
      boolean expected = consumeToken().getSymbol() == Symbol.EQ;
      AstNode left = value;
      AstNode right = cmp(true);
      value = node("==", (bindings, context) -> {
        Object first = left.eval(bindings, context);
        Object second = right.eval(bindings, context);
        if (first instanceof Collection || first instanceof Map) {
          budget().weigh(first);
        }
        return PythonValues.equal(first, second) == expected;
      }, left, right);
    }
    return value;
  }

  @Override
  protected AstNode add(boolean required) throws ScanException, ParseException {
    AstNode value = mul(required);
    while (value != null) {
      String operator = getToken().getImage();
      if (!operator.equals("+") && !operator.equals("-") && !operator.equals("~")) {
        return value;
      }
      consumeToken();
      AstNode left = value;
      AstNode right = mul(true);
      value = node(operator, (bindings, context) -> Arithmetic.apply(
          operator, left.eval(bindings, context), right.eval(bindings, context), budget()), left, right);
    }
    return null;
  }

  @Override
  protected AstNode mul(boolean required) throws ScanException, ParseException {
    AstNode value = filter(required);
    while (value != null) {
      String operator = getToken().getImage();
      boolean known = switch (getToken().getSymbol()) {
        case MUL, DIV, MOD -> true;
        default -> operator.equals("//") || operator.equals("**");
      };
      if (!known) {
        return value;
      }
      consumeToken();
      AstNode left = value;
      AstNode right = filter(true);
      value = node(operator, (bindings, context) -> Arithmetic.apply(
          operator, left.eval(bindings, context), right.eval(bindings, context), budget()), left, right);
    }
    return null;
  }

  @Override
  protected AstNode value() throws ScanException, ParseException {
    AstNode value = nonliteral();
    boolean lvalue = value != null;
    if (value == null) {
      value = literal();
    }
    while (value != null) {
      Symbol symbol = getToken().getSymbol();
      if (symbol == Symbol.DOT) {
        consumeToken();
        value = called(createAstDot(value, consumeToken(Symbol.IDENTIFIER).getImage(), lvalue));
      } else if (symbol == Symbol.LBRACK) {
        consumeToken();
        value = subscript(value, lvalue);
      } else {
        return value;
      }
    }
    return null;
  }

  private AstNode called(jinjava.de.odysseus.el.tree.impl.ast.AstProperty property)
      throws ScanException, ParseException {
    return getToken().getSymbol() == Symbol.LPAREN ? createAstMethod(property, params()) : property;
  }

  private AstNode subscript(AstNode base, boolean lvalue) throws ScanException, ParseException {
    AstNode start = expr(false);
    if (getToken().getSymbol() == Symbol.RBRACK && start != null) {
      consumeToken();
      return called(createAstBracket(base, start, lvalue, true));
    }
    consumeToken(Symbol.COLON);
    AstNode stop = expr(false);
    AstNode step = null;
    if (getToken().getSymbol() == Symbol.COLON) {
      consumeToken();
      step = expr(false);
    }
    consumeToken(Symbol.RBRACK);
    AstNode by = step;
    return node("[:]", (bindings, context) -> PythonValues.slice(base.eval(bindings, context),
        bound(start, bindings, context), bound(stop, bindings, context), bound(by, bindings, context), budget()), base);
  }

  private static Long bound(AstNode node, Bindings bindings, ELContext context) {
    Object value = node == null ? null : node.eval(bindings, context);
    return value == null ? null : PythonValues.whole(value, "an index");
  }

  @Override
  protected AstParameters params(Symbol left, Symbol right) throws ScanException, ParseException {
    consumeToken(left);
    List<AstNode> parameters = new ArrayList<>();
    while (getToken().getSymbol() != right) {
      if (getToken().getSymbol() == Symbol.IDENTIFIER && lookahead(0).getImage().equals("=")) {
        String name = consumeToken().getImage();
        consumeToken();
        AstNode value = expr(true);
        parameters.add(node(name + "=", (bindings, context) -> new NamedParameter(name, value.eval(bindings, context)),
            value));
      } else {
        parameters.add(expr(true));
      }
      if (getToken().getSymbol() != right) {
        consumeToken(Symbol.COMMA);
      }
    }
    consumeToken(right);
    return createAstParameters(parameters);
  }

  @Override
  protected AstNode nonliteral() throws ScanException, ParseException {
    String name = getToken().getImage();
    if (getToken().getSymbol() == Symbol.IDENTIFIER && Functions.NAMES.contains(name)
        && lookahead(0).getSymbol() == Symbol.LPAREN) {
      consumeToken();
      AstParameters parameters = params();
      return node(name, (bindings, context) -> Functions.call(name, parameters.eval(bindings, context)), parameters);
    }
    return super.nonliteral();
  }

  @Override
  protected AstDot createAstDot(AstNode base, String property, boolean lvalue) {
    return super.createAstDot(defined(base), property, lvalue);
  }

  @Override
  protected AstBracket createAstBracket(AstNode base, AstNode property, boolean lvalue, boolean strict) {
    return super.createAstBracket(defined(base), property, lvalue, strict);
  }

  /** A base whose value has to be there. Filters and tests are bases too, by names that no template can write. */
  private static AstNode defined(AstNode base) {
    String name = base.toString();
    String problem;
    if (name.startsWith(FILTER_PREFIX)) {
      problem = "the filter '" + name.substring(FILTER_PREFIX.length()) + "', which is not supported";
    } else if (name.startsWith(EXPTEST_PREFIX)) {
      problem = "the test '" + name.substring(EXPTEST_PREFIX.length()) + "', which is not supported";
    } else {
      problem = "'" + name + "', which is not defined";
    }
    return node("." + name, (bindings, context) -> {
      Object value = base.eval(bindings, context);
      if (value == null) {
        throw new ChatTemplateException("the chat template uses " + problem);
      }
      return value;
    }, base);
  }

  /** Strings next to each other are one. */
  @Override
  protected AstNode literal() throws ScanException, ParseException {
    if (getToken().getSymbol() != Symbol.STRING) {
      return super.literal();
    }
    StringBuilder text = new StringBuilder();
    while (getToken().getSymbol() == Symbol.STRING) {
      text.append(consumeToken().getImage());
    }
    return new AstString(text.toString());
  }

  @Override
  protected AstTuple createAstTuple(AstParameters parameters) {
    return new AstTuple(parameters) {
      @Override
      public Object eval(Bindings bindings, ELContext context) {
        return budget().weigh(super.eval(bindings, context));
      }
    };
  }

  @Override
  protected AstList createAstList(AstParameters parameters) {
    return new AstList(parameters) {
      @Override
      public Object eval(Bindings bindings, ELContext context) {
        return budget().weigh(super.eval(bindings, context));
      }
    };
  }

  @Override
  protected AstDict createAstDict(Map<AstNode, AstNode> entries) {
    return new AstDict(entries) {
      @Override
      public Object eval(Bindings bindings, ELContext context) {
        return budget().weigh(super.eval(bindings, context));
      }
    };
  }

  private static AstNode node(String name, PythonNode.Evaluation evaluation, AstNode... children) {
    return new PythonNode(name, List.of(children), evaluation);
  }

  private static Budget budget() {
    return SandboxInterpreter.current().budget();
  }
}
