package dev.depths.loader.tokenizer;

import dev.depths.loader.GgufType;
import dev.depths.loader.GgufWriter;
import dev.depths.loader.MalformedFileException;
import dev.depths.loader.UnsupportedModelException;
import dev.depths.loader.tokenizer.CharacterPairModel.Prefix;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Writes a Hugging Face tokenizer as GGUF's {@code tokenizer.ggml.*}; {@link GgufTokenizers} reads it back. What GGUF has no
 * key for is refused if it says how words are made, and noted if it touches few texts.
 */
final class GgufVocabulary {
  private static final String PREFIX = "tokenizer.ggml.";

  private final HuggingFaceParts source;
  private final int size;
  private final GgufWriter out;
  private final List<String> notes = new ArrayList<>();

  /** @param size tokens of the file's vocabulary */
  GgufVocabulary(HuggingFaceParts source, int size, GgufWriter out) {
    this.source = source;
    this.size = size;
    this.out = out;
  }

  /** Writes all keys, and returns what they leave out. */
  List<String> write() {
    if (source.vocabulary().size() > size) {
      throw new MalformedFileException(source.file(), "model.vocab", "has " + source.vocabulary().size()
          + " tokens, expected at most the " + size + " rows of the embedding");
    }
    if (source.rules().byteLevel()) {
      byteLevel();
    } else {
      sentencePiece();
    }
    specialIds();
    if (!source.stripsBefore().isEmpty() || !source.stripsAfter().isEmpty()) {
      notes.add("special tokens that take white space beside them with them (lstrip, rstrip) do not do so in GGUF");
    }
    return List.copyOf(notes);
  }

  private void byteLevel() {
    String rules = source.rules().name();
    String name = preTokenizer(rules).orElseThrow(() -> unsupported("the pre-tokenizer '" + rules + "'"
        + (source.wholeWords() ? " with ignore_merges" : "") + " has no name in GGUF (tokenizer.ggml.pre)"));
    List<String> merges = new ArrayList<>();
    for (int i = 0; i < source.mergedPairs().size(); i += 2) {
      String left = source.mergedPairs().get(i);
      String right = source.mergedPairs().get(i + 1);
      if (left.indexOf(' ') >= 0 || right.indexOf(' ') >= 0) {
        throw unsupported("a merge of pieces that hold spaces has no form in GGUF");
      }
      merges.add(left + ' ' + right);
    }
    out.put(PREFIX + "model", "gpt2").put(PREFIX + "pre", name);
    tokens();
    out.putArray(PREFIX + "merges", GgufType.STRING, merges);
    if (source.rules().composes()) {
      notes.add("text is not brought to Unicode's normal form C (NFC) in GGUF");
    }
  }

  /** What {@code tokenizer.ggml.pre} calls the rules; of several names that mean the same the best known. */
  private Optional<String> preTokenizer(String rules) {
    return Optional.ofNullable(source.wholeWords()
        ? switch (rules) {
          case "llama-bpe", "tekken" -> rules;
          default -> null;
        }
        : switch (rules) {
          case "gpt-2", "qwen2", "gpt-4o" -> rules;
          case "digits + gpt-2" -> "smollm";
          case "llama-bpe" -> "dbrx";
          case "punctuation and symbols + gpt-2 + triples" -> "falcon";
          case "punctuation + gpt-2 + numbers + triples" -> "default";
          default -> null;
        });
  }

  private void sentencePiece() {
    float[] scores = new MergeScores(source).scores(size);
    List<Float> list = new ArrayList<>(size);
    for (float score : scores) {
      list.add(score);
    }
    out.put(PREFIX + "model", "llama").put(PREFIX + "pre", "default");
    tokens();
    out.putArray(PREFIX + "scores", GgufType.FLOAT32, list);
    Prefix prefix = source.rules().prefix();
    out.put(PREFIX + "add_space_prefix", prefix != Prefix.NEVER);
    if (prefix == Prefix.FIRST || prefix == Prefix.ALWAYS) {
      notes.add("a space is put before all text that begins or follows a special token in GGUF, even before another space"
          + (prefix == Prefix.FIRST ? ", and not at the beginning alone" : ""));
    }
    if (source.special().bos() < 0 || source.special().eos() < 0) {
      throw unsupported("a SentencePiece tokenizer without " + (source.special().bos() < 0 ? "bos" : "eos")
          + "_token: GGUF takes token " + (source.special().bos() < 0 ? 1 : 2) + " for it");
    }
  }

  private void tokens() {
    Vocabulary vocabulary = source.vocabulary();
    List<String> pieces = new ArrayList<>(size);
    List<Integer> types = new ArrayList<>(size);
    for (int id = 0; id < size; id++) {
      boolean padding = id >= vocabulary.size() || vocabulary.length(id) == 0;
      pieces.add(padding ? "[PAD" + id + "]" : vocabulary.piece(id));
      types.add((padding ? TokenType.UNUSED : vocabulary.type(id)).ordinal());
    }
    out.putArray(PREFIX + "tokens", GgufType.STRING, pieces);
    out.putArray(PREFIX + "token_type", GgufType.INT32, types);
  }

  private void specialIds() {
    SpecialIds special = source.special();
    id("bos", special.bos());
    id("eos", special.eos());
    id("unknown", source.unknown());
    id("padding", source.padding());
    // Readers find most ends by their texts.
    List<Integer> others = special.endOfGeneration().stream().sorted()
        .filter(id -> id != special.eos() && !SpecialIds.isEnd(source.vocabulary().piece(id))).toList();
    for (int i = 0; i < others.size(); i++) {
      switch (i) {
        case 0 -> id("eot", others.get(i));
        case 1 -> id("eom", others.get(i));
        default -> notes.add("token " + others.get(i) + " does not end a generation in GGUF");
      }
    }
    out.put(PREFIX + "add_bos_token", special.addBos()).put(PREFIX + "add_eos_token", special.addEos());
  }

  private void id(String role, int id) {
    if (id != Vocabulary.NONE) {
      out.put(PREFIX + role + "_token_id", id);
    }
  }

  private UnsupportedModelException unsupported(String what) {
    return new UnsupportedModelException(source.file(), what);
  }
}
