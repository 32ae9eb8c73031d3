package dev.depths.loader.chat;

import com.hubspot.jinjava.objects.SafeString;
import com.hubspot.jinjava.objects.collections.PyList;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Python's view of values where Jinjava's is Java's. What is not defined, and None, are null. */
final class PythonValues {
  private PythonValues() {}

  static boolean truth(Object value) {
    return switch (value) {
      case null -> false;
      case Boolean b -> b;
      case String s -> !s.isEmpty();
      case SafeString s -> !s.getValue().isEmpty();
      case Number n -> n.doubleValue() != 0;
      case List<?> list -> !list.isEmpty();
      case Map<?, ?> map -> !map.isEmpty();
      default -> true;
    };
  }

  static boolean equal(Object a, Object b) {
    return switch (a) {
      case null -> b == null;
      case String s -> b instanceof String t && s.equals(t);
      case SafeString s -> equal(s.getValue(), b);
      case List<?> left -> b instanceof List<?> right && equal(left, right);
      case Map<?, ?> left -> b instanceof Map<?, ?> right && equal(left, right);
      default -> isNumber(a) && isNumber(b) ? number(a) == number(b) : a.equals(b);
    };
  }

  private static boolean equal(List<?> left, List<?> right) {
    Iterator<?> others = right.iterator();
    return left.size() == right.size() && left.stream().allMatch(element -> equal(element, others.next()));
  }

  private static boolean equal(Map<?, ?> left, Map<?, ?> right) {
    return left.size() == right.size() && left.entrySet().stream()
        .allMatch(entry -> right.containsKey(entry.getKey()) && equal(entry.getValue(), right.get(entry.getKey())));
  }

  private static boolean isNumber(Object value) {
    return value instanceof Number || value instanceof Boolean;
  }

  private static double number(Object value) {
    return value instanceof Boolean b ? (b ? 1 : 0) : ((Number) value).doubleValue();
  }

  static boolean isWhole(Object value) {
    return value instanceof Long || value instanceof Integer || value instanceof Short || value instanceof Byte;
  }

  static long whole(Object value, String what) {
    if (!isWhole(value)) {
      throw new ChatTemplateException("the chat template uses " + typeName(value) + " as " + what
          + ", expected an integer");
    }
    return ((Number) value).longValue();
  }

  /** {@code value[start:stop:step]}; null for a part that is not given. */
  static Object slice(Object value, Long start, Long stop, Long stepOrNull, Budget budget) {
    long step = stepOrNull == null ? 1 : stepOrNull;
    if (step == 0) {
      throw new ChatTemplateException("the chat template slices by a step of zero");
    }
    if (value instanceof String s) {
      budget.spend(s.length());
      int[] codePoints = s.codePoints().toArray();
      StringBuilder text = new StringBuilder();
      for (int i : indexes(start, stop, step, codePoints.length)) {
        text.appendCodePoint(codePoints[i]);
      }
      return text.toString();
    }
    if (value instanceof List<?> list) {
      budget.spend(list.size());
      List<Object> elements = new ArrayList<>();
      for (int i : indexes(start, stop, step, list.size())) {
        elements.add(list.get(i));
      }
      return new PyList(elements);
    }
    throw new ChatTemplateException("the chat template slices " + typeName(value));
  }

  private static int[] indexes(Long start, Long stop, long step, int size) {
    long low = step > 0 ? 0 : -1;
    long high = step > 0 ? size : size - 1L;
    long from = start == null ? (step > 0 ? low : high) : Math.clamp(start < 0 ? start + size : start, low, high);
    long to = stop == null ? (step > 0 ? high : low) : Math.clamp(stop < 0 ? stop + size : stop, low, high);
    long span = step > 0 ? to - from : from - to;
    long stride = step == Long.MIN_VALUE ? Long.MAX_VALUE : Math.abs(step);
    int[] indexes = new int[span <= 0 ? 0 : (int) ((span - 1) / stride + 1)];
    for (int i = 0; i < indexes.length; i++) {
      indexes[i] = (int) (from + i * step);
    }
    return indexes;
  }

  static String typeName(Object value) {
    return switch (value) {
      case null -> "what is not defined";
      case String _, SafeString _ -> "a string";
      case Boolean _ -> "a boolean";
      case Number _ -> "a number";
      case List<?> _ -> "a list";
      case Map<?, ?> _ -> "a dict";
      default -> "an object";
    };
  }
}
