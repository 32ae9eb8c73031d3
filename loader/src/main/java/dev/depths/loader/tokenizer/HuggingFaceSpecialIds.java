package dev.depths.loader.tokenizer;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Finds the tokens with a role in the files of a Hugging Face directory. */
final class HuggingFaceSpecialIds {
  private final Vocabulary vocabulary;
  private final Settings tokenizer;
  private final Settings tokenizerConfig;
  private final Settings generationConfig;
  private final Settings modelConfig;
  private int first = Vocabulary.NONE;
  private int last = Vocabulary.NONE;

  HuggingFaceSpecialIds(Vocabulary vocabulary, Settings tokenizer, Settings tokenizerConfig, Settings generationConfig,
      Settings modelConfig) {
    this.vocabulary = vocabulary;
    this.tokenizer = tokenizer;
    this.tokenizerConfig = tokenizerConfig;
    this.generationConfig = generationConfig;
    this.modelConfig = modelConfig;
  }

  SpecialIds read() {
    readTemplate();
    int bos = first != Vocabulary.NONE ? first : role("bos_token");
    int eos = role("eos_token");
    if (eos == Vocabulary.NONE) {
      eos = last;
    }
    Set<Integer> ends = new LinkedHashSet<>(ids(generationConfig, "eos_token_id"));
    ends.addAll(ids(modelConfig, "eos_token_id"));
    ends.add(eos);
    ends.remove(Vocabulary.NONE);
    boolean addBos = adds("add_bos_token", first != Vocabulary.NONE) && bos != Vocabulary.NONE;
    boolean addEos = adds("add_eos_token", last != Vocabulary.NONE) && eos != Vocabulary.NONE;
    return new SpecialIds(bos, eos, addBos, addEos, SpecialIds.endsOf(vocabulary, ends, false));
  }

  /** The token that fills up batches, or -1: it takes no part in texts, so one that does not exist is none. */
  int padding() {
    Object value = tokenizerConfig.values().get("pad_token");
    Object piece = value instanceof Map<?, ?> token ? token.get("content") : value;
    return piece instanceof String text ? vocabulary.id(text) : Vocabulary.NONE;
  }

  /** transformers lets Llama's flags override the post-processor, and no others. */
  private boolean adds(String flag, boolean otherwise) {
    boolean llama = tokenizerConfig.string("tokenizer_class", "").startsWith("LlamaTokenizer");
    return llama ? tokenizerConfig.bool(flag, otherwise) : otherwise;
  }

  /** The post-processor's template for one text: special tokens before and after it. */
  private void readTemplate() {
    Settings processor = tokenizer.object("post_processor");
    List<Settings> parts = processor.type().equals("Sequence") ? processor.objects("processors") : List.of(processor);
    for (Settings part : parts) {
      if (part.type().equals("TemplateProcessing")) {
        boolean afterText = false;
        for (Settings element : part.objects("single")) {
          if (element.has("SpecialToken")) {
            int id = id(element.object("SpecialToken"), "id");
            first = afterText ? first : id;
            last = afterText ? id : last;
          } else {
            afterText = true;
          }
        }
      }
    }
  }

  private int role(String key) {
    Object value = tokenizerConfig.values().get(key);
    if (value != null) {
      return value instanceof String
          ? id(tokenizerConfig, key)
          : id(tokenizerConfig.object(key), "content");
    }
    String idKey = key + "_id";
    List<Integer> ids = ids(generationConfig, idKey);
    if (ids.isEmpty()) {
      ids = ids(modelConfig, idKey);
    }
    return ids.isEmpty() ? Vocabulary.NONE : ids.getFirst();
  }

  private int id(Settings settings, String key) {
    String piece = settings.string(key, "");
    int id = vocabulary.id(piece);
    if (id == Vocabulary.NONE) {
      throw settings.malformed(key, "the token '" + Texts.printable(piece) + "' is not in the vocabulary");
    }
    return id;
  }

  /** One id or a list of them. */
  private List<Integer> ids(Settings settings, String key) {
    return switch (settings.values().get(key)) {
      case null -> List.of();
      case List<?> list -> list.stream().map(element -> checked(settings, key, element)).toList();
      case Object value -> List.of(checked(settings, key, value));
    };
  }

  private Integer checked(Settings settings, String key, Object value) {
    if (!(value instanceof Long id) || id < 0 || id >= vocabulary.size()) {
      throw settings.malformed(key, "found " + value + ", expected a token id below " + vocabulary.size());
    }
    return id.intValue();
  }
}
