package dev.depths.loader.chat;

import com.hubspot.jinjava.objects.SafeString;
import java.math.BigDecimal;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Values as text: Python's {@code str} and {@code repr}. */
final class PythonText {
  private final StringBuilder out = new StringBuilder();

  private PythonText() {}

  /** What {@code {{ value }}} prints; nothing for what is not defined. */
  static String str(Object value, Budget budget) {
    return switch (value) {
      case null -> "";
      case String s -> s;
      case SafeString s -> s.getValue();
      default -> {
        PythonText text = new PythonText();
        text.write(value);
        yield budget.spend(text.out.toString());
      }
    };
  }

  private void write(Object value) {
    switch (value) {
      case null -> out.append("None");
      case String s -> quote(s);
      case SafeString s -> quote(s.getValue());
      case Boolean b -> out.append(b ? "True" : "False");
      case Double d -> out.append(number(d));
      case Float f -> out.append(number(f));
      case BigDecimal d -> out.append(number(d.doubleValue()));
      case Number n -> out.append(n);
      case List<?> list -> {
        out.append('[');
        String separator = "";
        for (Object element : list) {
          out.append(separator);
          write(element);
          separator = ", ";
        }
        out.append(']');
      }
      case Map<?, ?> map -> {
        out.append('{');
        String separator = "";
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          out.append(separator);
          write(entry.getKey());
          out.append(": ");
          write(entry.getValue());
          separator = ", ";
        }
        out.append('}');
      }
      default -> throw new ChatTemplateException("the chat template prints what has no text");
    }
  }

  private void quote(String s) {
    char quote = s.indexOf('\'') >= 0 && s.indexOf('"') < 0 ? '"' : '\'';
    out.append(quote);
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      switch (c) {
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\\' -> out.append("\\\\");
        default -> {
          if (c == quote) {
            out.append('\\').append(c);
          } else if (Character.isISOControl(c)) {
            out.append(String.format(Locale.ROOT, "\\x%02x", (int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append(quote);
  }

  /** A float as Python prints it. */
  static String number(double d) {
    if (Double.isNaN(d)) {
      return "nan";
    }
    if (Double.isInfinite(d)) {
      return d > 0 ? "inf" : "-inf";
    }
    double magnitude = Math.abs(d);
    if (d == 0 || (magnitude >= 1e-4 && magnitude < 1e16)) {
      String plain = new BigDecimal(Double.toString(d)).toPlainString();
      return plain.contains(".") ? plain : plain + ".0";
    }
    String[] parts = Double.toString(d).split("E");
    int exponent = Integer.parseInt(parts[1]);
    return parts[0].replaceFirst("\\.0$", "") + "e" + (exponent < 0 ? "-" : "+")
        + String.format(Locale.ROOT, "%02d", Math.abs(exponent));
  }
}
