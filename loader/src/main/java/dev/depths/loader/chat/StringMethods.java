package dev.depths.loader.chat;

import com.hubspot.jinjava.objects.collections.PyList;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;
import java.util.function.Predicate;

/** Python's string methods. */
final class StringMethods {
  private final Budget budget;

  StringMethods(Budget budget) {
    this.budget = budget;
  }

  Object call(String s, String method, List<Object> arguments) {
    return switch (method) {
      case "strip" -> strip(s, optional(arguments), true, true);
      case "lstrip" -> strip(s, optional(arguments), true, false);
      case "rstrip" -> strip(s, optional(arguments), false, true);
      case "split" -> split(s, arguments, false);
      case "rsplit" -> split(s, arguments, true);
      case "splitlines" -> list(s.lines().toList());
      case "startswith" -> any(arguments, method, s::startsWith);
      case "endswith" -> any(arguments, method, s::endsWith);
      case "upper" -> budget.spend(s.toUpperCase(Locale.ROOT));
      case "lower" -> budget.spend(s.toLowerCase(Locale.ROOT));
      case "title" -> title(s);
      case "capitalize" -> capitalize(s);
      case "replace" -> replace(s, string(arguments, 0, method), string(arguments, 1, method), limit(arguments, 2));
      case "join" -> join(s, SandboxResolver.argument(arguments, method));
      case "find" -> position(s, s.indexOf(string(arguments, 0, method)));
      case "rfind" -> position(s, s.lastIndexOf(string(arguments, 0, method)));
      case "count" -> count(s, string(arguments, 0, method));
      case "removeprefix" -> s.startsWith(string(arguments, 0, method))
          ? s.substring(string(arguments, 0, method).length()) : s;
      case "removesuffix" -> s.endsWith(string(arguments, 0, method))
          ? s.substring(0, s.length() - string(arguments, 0, method).length()) : s;
      case "isdigit", "isnumeric", "isdecimal" -> all(s, Character::isDigit);
      case "isalpha" -> all(s, Character::isLetter);
      case "isalnum" -> all(s, Character::isLetterOrDigit);
      case "isspace" -> all(s, StringMethods::isSpace);
      default -> throw SandboxResolver.noMethod(s, method);
    };
  }

  /** White space as Python's {@code str.isspace} has it. */
  static boolean isSpace(int c) {
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || Character.isSpaceChar(c);
  }

  /** Drops white space, or the characters given, from the ends. */
  String strip(String s, String chars, boolean left, boolean right) {
    IntPredicate drop = chars == null ? StringMethods::isSpace : c -> chars.indexOf(c) >= 0;
    int from = 0;
    int to = s.length();
    while (left && from < to && drop.test(s.codePointAt(from))) {
      from += Character.charCount(s.codePointAt(from));
    }
    while (right && from < to && drop.test(s.codePointBefore(to))) {
      to -= Character.charCount(s.codePointBefore(to));
    }
    return budget.spend(s.substring(from, to));
  }

  private PyList split(String s, List<Object> arguments, boolean fromRight) {
    String separator = optional(arguments);
    long most = limit(arguments, 1);
    if (separator != null && separator.isEmpty()) {
      throw new ChatTemplateException("the chat template splits by an empty separator");
    }
    if (separator == null) {
      if (fromRight && most >= 0) {
        throw new ChatTemplateException("the chat template uses rsplit() by white space with a limit, "
            + "which is not supported");
      }
      return list(splitAtSpace(s, most));
    }
    return list(fromRight ? splitFromRight(s, separator, most) : splitAt(s, separator, most));
  }

  private static List<String> splitAt(String s, String separator, long most) {
    List<String> parts = new ArrayList<>();
    int from = 0;
    for (int to = s.indexOf(separator); to >= 0 && (most < 0 || parts.size() < most); to = s.indexOf(separator, from)) {
      parts.add(s.substring(from, to));
      from = to + separator.length();
    }
    parts.add(s.substring(from));
    return parts;
  }

  private static List<String> splitFromRight(String s, String separator, long most) {
    List<String> parts = new ArrayList<>();
    int to = s.length();
    while (most < 0 || parts.size() < most) {
      int from = s.lastIndexOf(separator, to - separator.length());
      if (from < 0) {
        break;
      }
      parts.add(s.substring(from + separator.length(), to));
      to = from;
    }
    parts.add(s.substring(0, to));
    Collections.reverse(parts);
    return parts;
  }

  private static List<String> splitAtSpace(String s, long most) {
    List<String> parts = new ArrayList<>();
    int from = skip(s, 0, true);
    while (from < s.length()) {
      int to = most >= 0 && parts.size() == most ? s.length() : skip(s, from, false);
      parts.add(s.substring(from, to));
      from = skip(s, to, true);
    }
    return parts;
  }

  private static int skip(String s, int from, boolean space) {
    int i = from;
    while (i < s.length() && isSpace(s.charAt(i)) == space) {
      i++;
    }
    return i;
  }

  private PyList list(List<String> parts) {
    return budget.weigh(new PyList(new ArrayList<>(parts)));
  }

  private static boolean any(List<Object> arguments, String method, Predicate<String> test) {
    Object wanted = SandboxResolver.argument(arguments, method);
    return wanted instanceof List<?> options
        ? options.stream().anyMatch(option -> option instanceof String s && test.test(s))
        : test.test(string(arguments, 0, method));
  }

  String title(String s) {
    StringBuilder out = new StringBuilder(s.length());
    boolean inWord = false;
    for (int c : s.codePoints().toArray()) {
      out.appendCodePoint(inWord ? Character.toLowerCase(c) : Character.toTitleCase(c));
      inWord = Character.isLetter(c);
    }
    return budget.spend(out.toString());
  }

  String capitalize(String s) {
    if (s.isEmpty()) {
      return s;
    }
    String first = Character.toString(Character.toTitleCase(s.codePointAt(0)));
    return budget.spend(first + s.substring(s.offsetByCodePoints(0, 1)).toLowerCase(Locale.ROOT));
  }

  /** Replaces the first {@code most} occurrences, or all of them if it is negative. */
  String replace(String s, String old, String replacement, long most) {
    if (old.isEmpty()) {
      throw new ChatTemplateException("the chat template replaces the empty string");
    }
    long times = count(s, old);
    if (most >= 0) {
      times = Math.min(times, most);
    }
    budget.spend(s.length() + times * Math.max(0, replacement.length() - old.length()));
    StringBuilder out = new StringBuilder();
    int from = 0;
    for (long i = 0; i < times; i++) {
      int at = s.indexOf(old, from);
      out.append(s, from, at).append(replacement);
      from = at + old.length();
    }
    return out.append(s, from, s.length()).toString();
  }

  String join(String separator, Object parts) {
    if (!(parts instanceof List<?> list)) {
      throw new ChatTemplateException("the chat template joins " + PythonValues.typeName(parts));
    }
    StringBuilder out = new StringBuilder();
    String between = "";
    for (Object part : list) {
      String text = PythonText.str(part, budget);
      budget.spend((long) between.length() + text.length());
      out.append(between).append(text);
      between = separator;
    }
    return out.toString();
  }

  private static long count(String s, String wanted) {
    if (wanted.isEmpty()) {
      return s.codePointCount(0, s.length()) + 1L;
    }
    long n = 0;
    for (int i = s.indexOf(wanted); i >= 0; i = s.indexOf(wanted, i + wanted.length())) {
      n++;
    }
    return n;
  }

  private static boolean all(String s, IntPredicate test) {
    return !s.isEmpty() && s.codePoints().allMatch(test);
  }

  private static long position(String s, int index) {
    return index < 0 ? -1 : s.codePointCount(0, index);
  }

  private static String optional(List<Object> arguments) {
    return arguments.isEmpty() || arguments.getFirst() == null ? null : string(arguments, 0, "a string method");
  }

  private static long limit(List<Object> arguments, int index) {
    return index < arguments.size() ? PythonValues.whole(arguments.get(index), "a limit") : -1;
  }

  private static String string(List<Object> arguments, int index, String method) {
    if (index < arguments.size() && arguments.get(index) instanceof String s) {
      return s;
    }
    throw new ChatTemplateException("the chat template calls " + method + "() without a string");
  }
}
