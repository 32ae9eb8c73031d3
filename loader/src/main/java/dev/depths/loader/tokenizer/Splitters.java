package dev.depths.loader.tokenizer;

import static dev.depths.loader.tokenizer.CharKind.LETTER;
import static dev.depths.loader.tokenizer.CharKind.MARK;
import static dev.depths.loader.tokenizer.CharKind.NUMBER;
import static dev.depths.loader.tokenizer.CharKind.OTHER;
import static dev.depths.loader.tokenizer.CharKind.PUNCTUATION;
import static dev.depths.loader.tokenizer.CharKind.SPACE;
import static dev.depths.loader.tokenizer.CharKind.SYMBOL;

/** The rules that known pre-tokenizers consist of, each with the regular expression it stands for. */
final class Splitters {
  /** What Rust's {@code is_ascii_punctuation} counts as punctuation beyond Unicode's property. */
  static final String ASCII_SYMBOLS = "$+<=>^`|~";

  private static final int ALL = LETTER | NUMBER | SPACE | MARK | PUNCTUATION | SYMBOL | OTHER;

  private Splitters() {}

  /** {@code 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+}. */
  static int gpt2(String text, int from, int end) {
    int contraction = contraction(text, from, end, false);
    if (contraction > 0) {
      return from + contraction;
    }
    int start = text.charAt(from) == ' ' ? from + 1 : from;
    int kind = CharKind.at(text, start, end);
    return switch (kind) {
      case LETTER, NUMBER -> CharKind.skip(text, start, end, kind);
      case 0, SPACE -> whiteSpace(text, from, end);
      default -> CharKind.skip(text, start, end, ALL & ~(SPACE | LETTER | NUMBER));
    };
  }

  /**
   * {@code (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|
   * \s*[\r\n]+|\s+(?!\S)|\s+}: cl100k of OpenAI's tiktoken, Llama 3 (three digits), Qwen 2 (one digit).
   */
  static Splitter cl100k(int digits) {
    return (text, from, end) -> cl100k(text, from, end, digits);
  }

  private static int cl100k(String text, int from, int end, int digits) {
    int contraction = contraction(text, from, end, true);
    if (contraction > 0) {
      return from + contraction;
    }
    int first = text.codePointAt(from);
    int kind = CharKind.of(first);
    int second = from + Character.charCount(first);
    if (kind == LETTER
        || (kind != NUMBER && first != '\r' && first != '\n' && CharKind.at(text, second, end) == LETTER)) {
      return CharKind.skip(text, second, end, LETTER);
    }
    return numbersSymbolsOrSpace(text, from, end, digits, "\r\n");
  }

  /**
   * {@code \p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[tail]*|\s*[\r\n]+|\s+(?!\S)|\s+}, where no letter begins.
   */
  private static int numbersSymbolsOrSpace(String text, int from, int end, int digits, String tail) {
    if (CharKind.at(text, from, end) == NUMBER) {
      return numbers(text, from, end, digits);
    }
    int start = text.charAt(from) == ' ' ? from + 1 : from;
    if ((CharKind.at(text, start, end) & ~(SPACE | LETTER | NUMBER)) != 0) {
      int i = CharKind.skip(text, start, end, ALL & ~(SPACE | LETTER | NUMBER));
      while (i < end && tail.indexOf(text.charAt(i)) >= 0) {
        i++;
      }
      return i;
    }
    return lineBreaksOrWhiteSpace(text, from, end);
  }

  /**
   * {@code [^\r\n\p{L}\p{N}]?H*T+|[^\r\n\p{L}\p{N}]?H+T*|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|
   * \s+(?!\S)|\s+}, with H and T as {@link CharKind#isHead} and {@link CharKind#isTail} have them: words end where a
   * capital follows small letters. OpenAI's o200k (three digits, contractions at the words' ends), Mistral's Tekken
   * (one).
   */
  static Splitter cased(int digits, boolean contractions) {
    return (text, from, end) -> {
      int word = casedWord(text, from, end);
      if (word < 0) {
        return numbersSymbolsOrSpace(text, from, end, digits, "\r\n/");
      }
      return contractions && word < end ? word + contraction(text, word, end, true) : word;
    };
  }

  /** The end of a word by {@link #cased}, or -1 where none begins. */
  private static int casedWord(String text, int from, int end) {
    int first = text.codePointAt(from);
    int second = from + Character.charCount(first);
    boolean prefix = (CharKind.of(first) & (LETTER | NUMBER)) == 0 && first != '\r' && first != '\n';
    for (boolean withTail : new boolean[] {true, false}) {
      int word = prefix ? casedWordWithout(text, second, end, withTail) : -1;
      word = word < 0 ? casedWordWithout(text, from, end, withTail) : word;
      if (word >= 0) {
        return word;
      }
    }
    return -1;
  }

  /** H*T+ if a tail is asked for, else H+T*; each as greedy as backtracking leaves it. */
  private static int casedWordWithout(String text, int from, int end, boolean withTail) {
    int i = from;
    int afterLastTail = -1;
    while (i < end && CharKind.isHead(text.codePointAt(i))) {
      int codePoint = text.codePointAt(i);
      i += Character.charCount(codePoint);
      afterLastTail = CharKind.isTail(codePoint) ? i : afterLastTail;
    }
    if (i < end && CharKind.isTail(text.codePointAt(i)) && (withTail || i > from)) {
      while (i < end && CharKind.isTail(text.codePointAt(i))) {
        i += Character.charCount(text.codePointAt(i));
      }
      return i;
    }
    return withTail ? afterLastTail : i > from ? i : -1;
  }

  /** {@code \p{N}}: each number character by itself. */
  static int number(String text, int from, int end) {
    return CharKind.at(text, from, end) == NUMBER
        ? numbers(text, from, end, 1)
        : CharKind.skip(text, from, end, ALL & ~NUMBER);
  }

  /** {@code \p{N}+}: runs of number characters. */
  static int numberRun(String text, int from, int end) {
    return CharKind.at(text, from, end) == NUMBER
        ? CharKind.skip(text, from, end, NUMBER)
        : CharKind.skip(text, from, end, ALL & ~NUMBER);
  }

  /** {@code [0-9][0-9][0-9]}: ASCII digits by three. */
  static int digitTriple(String text, int from, int end) {
    if (isDigitTriple(text, from, end)) {
      return from + 3;
    }
    int i = from + 1;
    while (i < end && !isDigitTriple(text, i, end)) {
      i++;
    }
    return i;
  }

  /** {@code [\p{P}$+<=>^~|]+} and {@code others}: runs of punctuation. */
  static Splitter punctuation(String others) {
    return (text, from, end) -> {
      boolean punctuation = isPunctuation(text.codePointAt(from), others);
      int i = from;
      while (i < end) {
        int codePoint = text.codePointAt(i);
        if (isPunctuation(codePoint, others) != punctuation) {
          break;
        }
        i += Character.charCount(codePoint);
      }
      return i;
    };
  }

  private static boolean isPunctuation(int codePoint, String others) {
    return CharKind.of(codePoint) == PUNCTUATION || others.indexOf(codePoint) >= 0;
  }

  private static boolean isDigitTriple(String text, int from, int end) {
    return from + 3 <= end && isDigit(text.charAt(from)) && isDigit(text.charAt(from + 1))
        && isDigit(text.charAt(from + 2));
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private static boolean isLineBreak(char c) {
    return c == '\r' || c == '\n';
  }

  private static int numbers(String text, int from, int end, int most) {
    int i = from;
    for (int n = 0; n < most && CharKind.at(text, i, end) == NUMBER; n++) {
      i += Character.charCount(text.codePointAt(i));
    }
    return i;
  }

  /** Length of {@code 's|'t|'re|'ve|'m|'ll|'d} at {@code from}, or 0. */
  private static int contraction(String text, int from, int end, boolean anyCase) {
    if (text.charAt(from) != '\'' || from + 1 >= end) {
      return 0;
    }
    char first = anyCase ? lower(text.charAt(from + 1)) : text.charAt(from + 1);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') {
      return 2;
    }
    if (from + 2 >= end) {
      return 0;
    }
    char second = anyCase ? lower(text.charAt(from + 2)) : text.charAt(from + 2);
    return ((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l') ? 3 : 0;
  }

  /** Unicode's simple case folding of the letters of contractions: the long s folds to s. */
  private static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char) (c + 'a' - 'A') : c == '\u017F' ? 's' : c;
  }

  /** {@code \s+(?!\S)|\s+}: all white space at the end of the text, else all but the last. */
  private static int whiteSpace(String text, int from, int end) {
    int i = CharKind.skip(text, from, end, SPACE);
    return i < end && i - from > 1 ? i - 1 : i;
  }

  /** {@code \s*[\r\n]+|\s+(?!\S)|\s+}: white space up to its last line break, if it has one. */
  private static int lineBreaksOrWhiteSpace(String text, int from, int end) {
    int i = CharKind.skip(text, from, end, SPACE);
    for (int last = i; last > from; last--) {
      if (isLineBreak(text.charAt(last - 1))) {
        return last;
      }
    }
    return i < end && i - from > 1 ? i - 1 : i;
  }
}
