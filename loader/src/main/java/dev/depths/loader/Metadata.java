package dev.depths.loader;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Typed access to untrusted key-value pairs: what has the wrong type or is out of range is refused by its key. */
final class Metadata {
  private final Object file;
  private final Map<String, Object> values;

  Metadata(Object file, Map<String, Object> values) {
    this.file = file;
    this.values = values;
  }

  Object file() {
    return file;
  }

  /** These values with another in the place of one. */
  Metadata with(String key, Object value) {
    Map<String, Object> changed = new LinkedHashMap<>(values);
    changed.put(key, value);
    return new Metadata(file, changed);
  }

  Map<String, Object> values() {
    return values;
  }

  Set<String> keys() {
    return values.keySet();
  }

  boolean has(String key) {
    return values.get(key) != null;
  }

  /** The value as it is, or null. */
  Object value(String key) {
    return values.get(key);
  }

  int requireInt(String key, long min, long max) {
    return integer(key, min, max).orElseThrow(() -> malformed(key, "is missing")).intValue();
  }

  int intOr(String key, int fallback, long min, long max) {
    return integer(key, min, max).map(Long::intValue).orElse(fallback);
  }

  /** An integer from 1 that some files give once, some for each block; all blocks must agree. */
  int perBlock(String key, int max) {
    if (!(value(key) instanceof List<?> list)) {
      return requireInt(key, 1, max);
    }
    for (Object value : list) {
      if (!(value instanceof Long number) || number < 1 || number > max) {
        throw malformed(key, "holds " + shown(value) + ", expected integers from 1 to " + max);
      }
      if (!value.equals(list.getFirst())) {
        throw unsupported(key + " differs from block to block, which is not supported");
      }
    }
    if (list.isEmpty()) {
      throw malformed(key, "is empty");
    }
    return ((Long) list.getFirst()).intValue();
  }

  Optional<Long> integer(String key, long min, long max) {
    Object value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (!(value instanceof Long number)) {
      throw malformed(key, "is " + shown(value) + ", expected an integer");
    }
    if (number < min || number > max) {
      throw malformed(key, "is " + number + ", expected " + min + " to " + max);
    }
    return Optional.of(number);
  }

  /** A finite number, integers included. */
  Optional<Double> number(String key, double min, double max) {
    Object value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (!(value instanceof Number number)) {
      throw malformed(key, "is " + shown(value) + ", expected a number");
    }
    double x = number.doubleValue();
    if (!(x >= min && x <= max)) {
      throw malformed(key, "is " + x + ", expected " + min + " to " + max);
    }
    return Optional.of(x);
  }

  /** A number above 0 up to 1. */
  Optional<Double> share(String key) {
    Optional<Double> share = number(key, 0, 1);
    if (share.isPresent() && share.get() == 0) {
      throw malformed(key, "is 0, expected more, up to 1");
    }
    return share;
  }

  Optional<String> string(String key) {
    Object value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (!(value instanceof String string)) {
      throw malformed(key, "is " + shown(value) + ", expected a string");
    }
    return Optional.of(string);
  }

  boolean booleanOr(String key, boolean fallback) {
    Object value = values.get(key);
    if (value == null) {
      return fallback;
    }
    if (!(value instanceof Boolean bool)) {
      throw malformed(key, "is " + shown(value) + ", expected true or false");
    }
    return bool;
  }

  Optional<List<?>> list(String key) {
    Object value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (!(value instanceof List<?> list)) {
      throw malformed(key, "is " + shown(value) + ", expected an array");
    }
    return Optional.of(list);
  }

  MalformedFileException malformed(String key, String problem) {
    return new MalformedFileException(file, key, problem);
  }

  UnsupportedModelException unsupported(String what) {
    return new UnsupportedModelException(file, what);
  }

  /** A value as messages show it: short, whatever the file holds. */
  static String shown(Object value) {
    return switch (value) {
      case null -> "null";
      case List<?> list -> "an array of " + list.size();
      case Map<?, ?> map -> "an object of " + map.size() + " keys";
      case String s when s.length() > 40 -> '"' + s.substring(0, 40) + "...\"";
      case String s -> '"' + s + '"';
      default -> value.toString();
    };
  }
}
