package dev.depths.loader.tokenizer;

import dev.depths.loader.MalformedFileException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A JSON object with its types checked as they are read.
 *
 * @param where the path to the object, for messages
 */
record Settings(Object file, String where, Map<String, Object> values) {
  boolean has(String key) {
    return values.get(key) != null;
  }

  String string(String key, String otherwise) {
    return has(key) ? as(String.class, key, "a string") : otherwise;
  }

  boolean bool(String key, boolean otherwise) {
    return has(key) ? as(Boolean.class, key, "true or false") : otherwise;
  }

  long integer(String key) {
    return as(Long.class, key, "an integer");
  }

  String type() {
    return string("type", "");
  }

  /** A nested object; empty where there is none. */
  Settings object(String key) {
    return new Settings(file, path(key), has(key) ? map(values.get(key), path(key)) : Map.of());
  }

  /** A list of objects; empty where there is none. */
  List<Settings> objects(String key) {
    List<Settings> objects = new ArrayList<>();
    if (has(key)) {
      for (Object element : as(List.class, key, "an array")) {
        String path = path(key) + "[" + objects.size() + "]";
        objects.add(new Settings(file, path, map(element, path)));
      }
    }
    return objects;
  }

  MalformedFileException malformed(String key, String problem) {
    return new MalformedFileException(file, path(key), problem);
  }

  private String path(String key) {
    return where.isEmpty() ? key : where + "." + key;
  }

  private <T> T as(Class<T> type, String key, String expected) {
    Object value = values.get(key);
    if (!type.isInstance(value)) {
      throw malformed(key, "found " + name(value) + ", expected " + expected);
    }
    return type.cast(value);
  }

  @SuppressWarnings("unchecked")
  private Map<String, Object> map(Object value, String path) {
    if (!(value instanceof Map)) {
      throw new MalformedFileException(file, path, "found " + name(value) + ", expected an object");
    }
    return (Map<String, Object>) value;
  }

  private static String name(Object value) {
    return switch (value) {
      case null -> "nothing";
      case Map<?, ?> _ -> "an object";
      case List<?> _ -> "an array";
      case String s -> "'" + Texts.printable(s) + "'";
      default -> value.toString();
    };
  }
}
