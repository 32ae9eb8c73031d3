package dev.depths.loader.chat;

import com.hubspot.jinjava.objects.SafeString;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Values as JSON, laid out as Python's {@code json.dumps} does with the parameters of transformers' filter tojson. */
final class JsonWriter {
  private final StringBuilder out = new StringBuilder();
  private final boolean ascii;
  private final String indent;
  private final String itemSeparator;
  private final String keySeparator;
  private final boolean sortKeys;

  /**
   * @param indent what each level is indented by, or null for one line
   * @param separators between items, and between key and value; or null for the usual ones
   */
  JsonWriter(boolean ascii, String indent, List<?> separators, boolean sortKeys) {
    this.ascii = ascii;
    this.indent = indent;
    this.sortKeys = sortKeys;
    boolean given = separators != null && separators.size() == 2;
    itemSeparator = given ? String.valueOf(separators.get(0)) : indent == null ? ", " : ",";
    keySeparator = given ? String.valueOf(separators.get(1)) : ": ";
  }

  String write(Object value) {
    write(value, 0);
    return out.toString();
  }

  private void write(Object value, int depth) {
    switch (value) {
      case null -> out.append("null");
      case String s -> quote(s);
      case SafeString s -> quote(s.getValue());
      case Boolean b -> out.append(b);
      case Number n when PythonValues.isWhole(n) -> out.append(n);
      case Number n -> out.append(PythonText.number(n.doubleValue()));
      case List<?> list -> {
        boolean first = true;
        out.append('[');
        for (Object element : list) {
          separate(first, depth + 1);
          first = false;
          write(element, depth + 1);
        }
        close(first, depth, ']');
      }
      case Map<?, ?> map -> object(map, depth);
      default -> throw new ChatTemplateException("the chat template writes what is no JSON");
    }
  }

  private void object(Map<?, ?> map, int depth) {
    Map<String, Object> entries = sortKeys ? new TreeMap<>() : new LinkedHashMap<>();
    map.forEach((key, value) -> entries.put(String.valueOf(key), value));
    boolean first = true;
    out.append('{');
    for (Map.Entry<String, Object> entry : entries.entrySet()) {
      separate(first, depth + 1);
      first = false;
      quote(entry.getKey());
      out.append(keySeparator);
      write(entry.getValue(), depth + 1);
    }
    close(first, depth, '}');
  }

  private void separate(boolean first, int depth) {
    if (!first) {
      out.append(itemSeparator);
    }
    newLine(depth);
  }

  private void close(boolean empty, int depth, char bracket) {
    if (!empty) {
      newLine(depth);
    }
    out.append(bracket);
  }

  private void newLine(int depth) {
    if (indent != null) {
      out.append('\n').repeat(indent, depth);
    }
  }

  private void quote(String s) {
    out.append('"');
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> {
          if (c < ' ' || (ascii && c > '~')) {
            out.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}
