package dev.depths.loader.tokenizer;

import java.util.Optional;

/** The regular expressions that tokenizer.json files split text by, and the scanners that stand for them. */
final class SplitPatterns {
  private static final String GPT2 =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
  private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
  /** As tiktoken writes it. */
  private static final String SHORT_CONTRACTIONS = "'(?i:[sdmt]|ll|ve|re)";

  private SplitPatterns() {}

  /** The scanner of a pattern whose matches, and what lies between them, become words; empty for one not known. */
  static Optional<Splitter> of(String pattern) {
    // Possessive and greedy quantifiers match the same here, and \s*[\r\n] ends where \s*[\r\n]+ does.
    String plain = pattern.replace("?+", "?").replace("++", "+").replace("\\s*[\\r\\n]|", "\\s*[\\r\\n]+|")
        .replace(SHORT_CONTRACTIONS, CONTRACTIONS).replace("\\p{N}{1}", "\\p{N}");
    return Optional.ofNullable(switch (plain) {
      case GPT2 -> Splitters::gpt2;
      case "\\p{N}", "\\d" -> Splitters::number;
      case "\\p{N}+" -> Splitters::numberRun;
      case "[0-9][0-9][0-9]" -> Splitters::digitTriple;
      case "[\\p{P}\\$\\+<=>\\^~\\|]+" -> Splitters.punctuation("$+<=>^~|");
      default -> cl100k(plain);
    });
  }

  private static Splitter cl100k(String pattern) {
    for (int digits : new int[] {1, 3}) {
      String number = digits == 1 ? "\\p{N}" : "\\p{N}{1," + digits + "}";
      if (pattern.equals(CONTRACTIONS + "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" + number
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+")) {
        return Splitters.cl100k(digits);
      }
    }
    return null;
  }
}
