package dev.depths.loader.tokenizer;

import dev.depths.loader.MalformedFileException;
import java.util.List;
import java.util.Map;

/** GGUF metadata with its types checked as they are read. */
record Metadata(Object file, Map<String, Object> values) {
  boolean has(String key) {
    return values.get(key) != null;
  }

  String string(String key, String otherwise) {
    Object value = values.get(key);
    return value == null ? otherwise : as(String.class, key, value, "a string");
  }

  boolean bool(String key, boolean otherwise) {
    Object value = values.get(key);
    return value == null ? otherwise : as(Boolean.class, key, value, "true or false");
  }

  /** A token id inside a vocabulary of {@code size}. */
  int token(String key, int size, int otherwise) {
    Object value = values.get(key);
    if (value == null) {
      return otherwise;
    }
    long id = as(Long.class, key, value, "a token id");
    if (id < 0 || id >= size) {
      throw malformed(key, "the token " + id + " is not in the vocabulary of " + size + " tokens");
    }
    return (int) id;
  }

  List<?> list(String key) {
    Object value = values.get(key);
    if (value == null) {
      throw malformed(key, "is missing, expected an array");
    }
    return as(List.class, key, value, "an array");
  }

  /** A list with one element for each token. */
  List<?> list(String key, int size) {
    List<?> list = list(key);
    if (list.size() != size) {
      throw malformed(key, list.size() + " elements, expected one for each of " + size + " tokens");
    }
    return list;
  }

  Strings strings(String key) {
    List<?> list = list(key);
    if (list instanceof Utf8Strings utf8) {
      return new Utf8Reader(utf8);
    }
    String[] strings = new String[list.size()];
    for (int i = 0; i < strings.length; i++) {
      strings[i] = string(key, i, list.get(i));
    }
    return new StringList(strings);
  }

  String string(String key, int index, Object element) {
    return element instanceof String s ? s : as(String.class, place(key, index), element, "a string");
  }

  long integer(String key, int index, Object element) {
    return element instanceof Long n ? n : as(Long.class, place(key, index), element, "an integer");
  }

  float number(String key, int index, Object element) {
    return element instanceof Number n ? n.floatValue()
        : as(Number.class, place(key, index), element, "a number").floatValue();
  }

  /** Of an element, for messages: made when there is one to write, for vocabularies have 100,000 elements. */
  private static String place(String key, int index) {
    return key + "[" + index + "]";
  }

  MalformedFileException malformed(String key, String problem) {
    return new MalformedFileException(file, key, problem);
  }

  private <T> T as(Class<T> type, String where, Object value, String expected) {
    if (!type.isInstance(value)) {
      throw malformed(where, (value == null ? "null" : value.getClass().getSimpleName()) + ", expected " + expected);
    }
    return type.cast(value);
  }
}
