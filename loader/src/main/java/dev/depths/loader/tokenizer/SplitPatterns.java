package dev.depths.loader.tokenizer;

import java.util.Optional;

/** The regular expressions that tokenizer.json files split text by, and the scanners that stand for them. */
final class SplitPatterns {
  private static final String GPT2 =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
  private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
  private static final String HEAD = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String TAIL = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String PREFIX = "[^\\r\\n\\p{L}\\p{N}]?";
  private static final String REST = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  private static final String TEKKEN =
      PREFIX + HEAD + "*" + TAIL + "+|" + PREFIX + HEAD + "+" + TAIL + "*|\\p{N}" + REST;
  private static final String O200K = PREFIX + HEAD + "*" + TAIL + "+" + CONTRACTIONS + "?|" + PREFIX + HEAD + "+"
      + TAIL
      + "*" + CONTRACTIONS + "?|\\p{N}{1,3}" + REST;
  private static final String CL100K_HEAD = CONTRACTIONS + "|" + PREFIX + "\\p{L}+|";
  private static final String CL100K_REST =
      "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  private static final String LLAMA3 = CL100K_HEAD + "\\p{N}{1,3}" + CL100K_REST;
  private static final String QWEN2 = CL100K_HEAD + "\\p{N}" + CL100K_REST;
  /** As tiktoken writes it. */
  private static final String SHORT_CONTRACTIONS = "'(?i:[sdmt]|ll|ve|re)";

  private SplitPatterns() {}

  /**
   * A pattern that is known.
   *
   * @param name what {@code tokenizer.ggml.pre} calls it
   */
  record Known(String name, Splitter splitter) {}

  /** The scanner of a pattern whose matches, and what lies between them, become words; empty for one not known. */
  static Optional<Known> of(String pattern) {
    // Possessive and greedy quantifiers match the same here, and \s*[\r\n] ends where \s*[\r\n]+ does.
    String plain = pattern.replace("?+", "?").replace("++", "+").replace("\\s*[\\r\\n]|", "\\s*[\\r\\n]+|")
        .replace(SHORT_CONTRACTIONS, CONTRACTIONS).replace("\\p{N}{1}", "\\p{N}");
    return Optional.ofNullable(switch (plain) {
      case GPT2 -> new Known("gpt-2", Splitters::gpt2);
      case LLAMA3 -> new Known("llama-bpe", Splitters.cl100k(3));
      case QWEN2 -> new Known("qwen2", Splitters.cl100k(1));
      case TEKKEN -> new Known("tekken", Splitters.cased(1, false));
      case O200K -> new Known("gpt-4o", Splitters.cased(3, true));
      case "\\p{N}", "\\d" -> new Known("digits", Splitters::number);
      case "\\p{N}+" -> new Known("numbers", Splitters::numberRun);
      case "[0-9][0-9][0-9]" -> new Known("triples", Splitters::digitTriple);
      case "[\\p{P}\\$\\+<=>\\^~\\|]+" -> new Known("punctuation", Splitters.punctuation("$+<=>^~|"));
      default -> null;
    });
  }
}
