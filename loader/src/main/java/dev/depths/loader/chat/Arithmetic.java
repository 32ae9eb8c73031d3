package dev.depths.loader.chat;

import com.hubspot.jinjava.objects.SafeString;
import com.hubspot.jinjava.objects.collections.PyList;
import java.util.ArrayList;
import java.util.List;

/** Python's arithmetic on numbers, strings and lists. */
final class Arithmetic {
  private Arithmetic() {}

  static Object apply(String operator, Object leftOrSafe, Object rightOrSafe, Budget budget) {
    budget.step();
    Object left = plain(leftOrSafe);
    Object right = plain(rightOrSafe);
    if (operator.equals("~")) {
      return concatenate(PythonText.str(left, budget), PythonText.str(right, budget), budget);
    }
    if (operator.equals("+") && left instanceof String a && right instanceof String b) {
      return concatenate(a, b, budget);
    }
    if (operator.equals("+") && left instanceof List<?> a && right instanceof List<?> b) {
      List<Object> both = new ArrayList<>(a);
      both.addAll(b);
      return budget.weigh(new PyList(both));
    }
    if (operator.equals("*") && left instanceof String s && PythonValues.isWhole(right)) {
      int times = Math.clamp(((Number) right).longValue(), 0, Integer.MAX_VALUE);
      budget.spend((long) s.length() * times);
      return s.repeat(times);
    }
    if (left instanceof Number a && right instanceof Number b) {
      try {
        return PythonValues.isWhole(left) && PythonValues.isWhole(right) && !operator.equals("/")
            ? whole(operator, a.longValue(), b.longValue()) : real(operator, a.doubleValue(), b.doubleValue());
      } catch (ArithmeticException e) {
        throw new ChatTemplateException("the chat template divides by zero or goes beyond 64 bits");
      }
    }
    throw new ChatTemplateException("the chat template applies " + operator + " to " + PythonValues.typeName(left)
        + " and " + PythonValues.typeName(right));
  }

  private static Object plain(Object value) {
    return value instanceof SafeString s ? s.getValue() : value;
  }

  private static String concatenate(String a, String b, Budget budget) {
    budget.spend((long) a.length() + b.length());
    return a.concat(b);
  }

  private static Object whole(String operator, long a, long b) {
    return switch (operator) {
      case "+" -> Math.addExact(a, b);
      case "-" -> Math.subtractExact(a, b);
      case "*" -> Math.multiplyExact(a, b);
      case "//" -> Math.floorDivExact(a, b);
      case "**" -> b < 0 || b > Integer.MAX_VALUE ? (Object) Math.pow(a, b) : (Object) Math.powExact(a, (int) b);
      default -> Math.floorMod(a, b);
    };
  }

  private static double real(String operator, double a, double b) {
    if (b == 0 && (operator.equals("/") || operator.equals("//") || operator.equals("%"))) {
      throw new ArithmeticException();
    }
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> a / b;
      case "//" -> Math.floor(a / b);
      case "**" -> Math.pow(a, b);
      default -> a - b * Math.floor(a / b);
    };
  }
}
