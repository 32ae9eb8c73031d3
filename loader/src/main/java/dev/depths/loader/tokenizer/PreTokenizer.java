package dev.depths.loader.tokenizer;

import java.util.List;
import java.util.Optional;

/**
 * How text is cut into words before byte pairs are merged: rules applied one after the other, each to the words of the
 * one before.
 *
 * @param name the name that {@code tokenizer.ggml.pre} gives it
 * @param rules the rules in order
 * @param wholeWords whether a word that is in the vocabulary is one token, whatever the merges say
 * @param addBos whether a beginning-of-text token is expected where the file does not say
 */
record PreTokenizer(String name, List<Splitter> rules, boolean wholeWords, boolean addBos) {
  private static final Splitter CL100K_3 = Splitters.cl100k(3);
  private static final Splitter CL100K_1 = Splitters.cl100k(1);

  /** The pre-tokenizer of a name that llama.cpp's converter writes, or empty. */
  static Optional<PreTokenizer> named(String name) {
    return switch (name) {
      case "default" -> plain(name, Splitters.punctuation("$+<=>^~|"), Splitters::gpt2, Splitters::numberRun,
          Splitters::digitTriple);
      case "gpt-2", "phi-2", "jina-es", "jina-de", "jina-v1-en", "jina-v2-es", "jina-v2-de", "jina-v2-code", "gigachat",
          "a.x-4.0", "mellum", "modern-bert", "roberta-bpe", "exaone4", "mpt", "olmo", "jais", "trillion",
          "granite-docling" -> plain(name, Splitters::gpt2);
      case "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2" ->
          plain(name, Splitters::number, Splitters::gpt2);
      case "falcon" -> plain(name, Splitters.punctuation("$+<=>^~|`"), Splitters::gpt2, Splitters::digitTriple);
      case "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano" ->
          Optional.of(new PreTokenizer(name, List.of(CL100K_3), true, true));
      case "tekken" -> Optional.of(new PreTokenizer(name, List.of(Splitters.cased(1, false)), true, true));
      case "gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2" -> plain(name, Splitters.cased(3, true));
      case "glm4", "glm5" -> Optional.of(new PreTokenizer(name, List.of(CL100K_3), true, false));
      case "dbrx", "smaug-bpe", "chatglm-bpe" -> plain(name, CL100K_3);
      case "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open", "grok-2" ->
          plain(name, CL100K_1);
      default -> Optional.empty();
    };
  }

  private static Optional<PreTokenizer> plain(String name, Splitter... rules) {
    return Optional.of(new PreTokenizer(name, List.of(rules), false, false));
  }
}
