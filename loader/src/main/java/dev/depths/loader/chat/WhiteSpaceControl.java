package dev.depths.loader.chat;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Applies Jinja2's white space control to a template's source, with {@code trim_blocks} and {@code lstrip_blocks} set
 * as transformers sets them: what the rules drop is dropped here, and the marks {@code - +} go with it. Jinjava's own
 * rules differ: it drops spaces before a tag in the middle of a line as well.
 */
final class WhiteSpaceControl {
  private static final Pattern RAW = Pattern.compile("\\s*+raw\\s*+");
  private static final Pattern END_RAW = Pattern.compile("\\{%[-+]?+\\s*+endraw\\s*+[-+]?+%}");

  private final String source;
  private final StringBuilder out = new StringBuilder();
  private int at;
  /** What the tag before asks of the text that follows it. */
  private boolean stripNext;
  private boolean trimNext;

  private WhiteSpaceControl(String source) {
    this.source = source;
  }

  static String apply(String source) {
    String unix = source.replace("\r\n", "\n").replace('\r', '\n');
    String body = unix.endsWith("\n") ? unix.substring(0, unix.length() - 1) : unix;
    WhiteSpaceControl control = new WhiteSpaceControl(body);
    control.run();
    return control.out.toString();
  }

  private void run() {
    while (at < source.length()) {
      int tag = nextTag();
      text(source.substring(at, tag), tag);
      at = tag;
      if (tag < source.length()) {
        tag();
      }
    }
  }

  /** Writes the text before a tag. */
  private void text(String raw, int tag) {
    String text = raw;
    boolean lineStart = at == 0;
    if (stripNext) {
      text = strip(text, true);
    } else if (trimNext && text.startsWith("\n")) {
      text = text.substring(1);
      lineStart = true;
    }
    if (tag < source.length()) {
      char kind = source.charAt(tag + 1);
      char mark = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
      if (mark == '-') {
        text = strip(text, false);
      } else if (kind != '{' && mark != '+') {
        text = stripLine(text, lineStart);
      }
      if (text.endsWith("{")) {
        // Next to the tag's own brace it would read as another tag.
        text = text.substring(0, text.length() - 1) + "{{ '{' }}";
      }
    }
    out.append(text);
  }

  private static String stripLine(String text, boolean lineStart) {
    int line = text.lastIndexOf('\n') + 1;
    boolean blank = text.substring(line).chars().allMatch(StringMethods::isSpace);
    return blank && (line > 0 || lineStart) ? text.substring(0, line) : text;
  }

  private static String strip(String text, boolean left) {
    int from = 0;
    int to = text.length();
    while (left && from < to && StringMethods.isSpace(text.charAt(from))) {
      from++;
    }
    while (!left && from < to && StringMethods.isSpace(text.charAt(to - 1))) {
      to--;
    }
    return text.substring(from, to);
  }

  private int nextTag() {
    for (int i = source.indexOf('{', at); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
      if ("{%#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return source.length();
  }

  /** Copies one tag without its marks; a comment is dropped. */
  private void tag() {
    char kind = source.charAt(at + 1);
    int end = kind == '#' ? source.indexOf("#}", at + 2) : endOfTag(kind == '{' ? "}}" : "%}");
    if (end < 0) {
      throw new ChatTemplateException("the chat template has a tag without end");
    }
    int from = at + 2;
    boolean marked = from < end && (source.charAt(from) == '-' || (source.charAt(from) == '+' && kind == '%'));
    char mark = source.charAt(end - 1);
    boolean endMarked = end - 1 >= from + (marked ? 1 : 0) && (mark == '-' || (mark == '+' && kind != '{'));
    String content = source.substring(Math.min(from + (marked ? 1 : 0), end), endMarked ? end - 1 : end);
    stripNext = endMarked && mark == '-';
    trimNext = kind != '{' && !(endMarked && mark == '+');
    at = end + 2;
    if (kind == '%' && RAW.matcher(content).matches()) {
      raw();
    } else if (kind != '#') {
      out.append(source, from - 2, from).append(content).append(source, end, end + 2);
    }
  }

  /** The end of a tag, which does not stand within a string. */
  private int endOfTag(String close) {
    char quote = 0;
    for (int i = at + 2; i + 1 < source.length(); i++) {
      char c = source.charAt(i);
      if (quote != 0) {
        i += c == '\\' ? 1 : 0;
        quote = c == quote ? 0 : quote;
      } else if (source.startsWith(close, i)) {
        return i;
      } else if (c == '\'' || c == '"') {
        quote = c;
      }
    }
    return -1;
  }

  private void raw() {
    Matcher end = END_RAW.matcher(source);
    if (!end.find(at)) {
      throw new ChatTemplateException("the chat template has a raw without endraw");
    }
    String text = source.substring(at, end.start());
    if (stripNext) {
      text = strip(text, true);
    } else if (trimNext && text.startsWith("\n")) {
      text = text.substring(1);
    }
    char mark = source.charAt(end.start() + 2);
    text = mark == '-' ? strip(text, false) : mark == '+' ? text : stripLine(text, false);
    out.append("{% raw %}").append(text).append("{% endraw %}");
    stripNext = source.charAt(end.end() - 3) == '-';
    trimNext = source.charAt(end.end() - 3) != '+';
    at = end.end();
  }
}
