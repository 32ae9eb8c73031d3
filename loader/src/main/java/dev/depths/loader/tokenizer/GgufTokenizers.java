package dev.depths.loader.tokenizer;

import dev.depths.loader.MalformedFileException;
import dev.depths.loader.UnsupportedModelException;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Makes a tokenizer of the {@code tokenizer.ggml.*} metadata of a GGUF file. */
final class GgufTokenizers {
  private static final String PREFIX = "tokenizer.ggml.";
  private static final String TOKENS = PREFIX + "tokens";
  private static final String TYPES = PREFIX + "token_type";
  private static final String SCORES = PREFIX + "scores";
  private static final String MERGES = PREFIX + "merges";
  private static final String BOS = PREFIX + "bos_token_id";
  private static final String EOS = PREFIX + "eos_token_id";
  private static final String ADD_BOS = PREFIX + "add_bos_token";
  private static final String ADD_EOS = PREFIX + "add_eos_token";

  private final Metadata metadata;

  GgufTokenizers(Object file, Map<String, Object> metadata) {
    this.metadata = new Metadata(file, metadata);
  }

  Tokenizer read() {
    String model = metadata.string(PREFIX + "model", "");
    return switch (model) {
      case "gpt2" -> bytePairs();
      case "llama" -> sentencePiece();
      case "" -> throw metadata.malformed(PREFIX + "model", "is missing, expected gpt2 or llama");
      default -> throw unsupported("tokenizer.ggml.model '" + Texts.printable(model)
          + "' is not supported, only gpt2 and llama are");
    };
  }

  private Tokenizer bytePairs() {
    String name = metadata.string(PREFIX + "pre", "default");
    PreTokenizer preTokenizer = PreTokenizer.named(name).orElseThrow(
        () -> unsupported("the pre-tokenizer '" + Texts.printable(name) + "' (tokenizer.ggml.pre) is not supported"));
    Vocabulary vocabulary = vocabulary();
    SpecialIds special = specialIds(vocabulary, Vocabulary.NONE, Vocabulary.NONE, preTokenizer.addBos());
    SubwordModel model = new BytePairModel(vocabulary, preTokenizer, merges(vocabulary), false);
    return new VocabularyTokenizer(vocabulary, model, special);
  }

  private Tokenizer sentencePiece() {
    Vocabulary vocabulary = vocabulary();
    float[] scores = scores(vocabulary.size());
    SpecialIds special = specialIds(vocabulary, 1, 2, true);
    boolean spacePrefix = metadata.bool(PREFIX + "add_space_prefix", true);
    int unknown = metadata.token(PREFIX + "unknown_token_id", vocabulary.size(), 0);
    SubwordModel model = new SentencePieceModel(vocabulary, scores, spacePrefix, new ByteTokens(vocabulary, unknown));
    return new VocabularyTokenizer(vocabulary, model, special);
  }

  private Vocabulary vocabulary() {
    List<?> tokens = metadata.list(TOKENS);
    int size = tokens.size();
    if (size == 0 || size > Vocabulary.MAX_SIZE) {
      throw metadata.malformed(TOKENS, size + " tokens, expected 1 to " + Vocabulary.MAX_SIZE);
    }
    TokenType[] types = types(size);
    Pieces pieces = new Pieces(metadata.file(), TOKENS, metadata.strings(TOKENS));
    for (int i = 0; i < size; i++) {
      boolean special = types[i].isControl() || types[i] == TokenType.USER_DEFINED;
      if (special && pieces.length(i) > SpecialTokens.MAX_LENGTH) {
        throw metadata.malformed(TOKENS + "[" + i + "]", "a special token of " + pieces.length(i)
            + " characters, expected at most " + SpecialTokens.MAX_LENGTH);
      }
      if (types[i] == TokenType.BYTE && !ByteTokens.isWritten(pieces.get(i))) {
        throw metadata.malformed(TOKENS + "[" + i + "]",
            "the byte token '" + Texts.printable(pieces.get(i)) + "', expected <0x00> to <0xFF>");
      }
    }
    return new Vocabulary(metadata.file(), TOKENS, pieces, types);
  }

  private TokenType[] types(int size) {
    TokenType[] types = new TokenType[size];
    Arrays.fill(types, TokenType.NORMAL);
    if (metadata.has(TYPES)) {
      int i = 0;
      for (Object element : metadata.list(TYPES, size)) {
        types[i] = TokenType.of(metadata.integer(TYPES, i, element));
        i++;
      }
    }
    return types;
  }

  private float[] scores(int size) {
    float[] scores = new float[size];
    if (metadata.has(SCORES)) {
      int i = 0;
      for (Object element : metadata.list(SCORES, size)) {
        scores[i] = metadata.number(SCORES, i, element);
        if (Float.isNaN(scores[i])) {
          throw metadata.malformed(SCORES + "[" + i + "]", "not a number");
        }
        i++;
      }
    }
    return scores;
  }

  private Merges merges(Vocabulary vocabulary) {
    Strings strings = metadata.strings(MERGES);
    Merges merges = new Merges(metadata.file(), MERGES, vocabulary, strings.size());
    char[] merge = new char[64];
    for (int rank = 0; rank < strings.size(); rank++) {
      if (merge.length < strings.maxLength(rank)) {
        merge = new char[strings.maxLength(rank)];
      }
      merges.add(merge, strings.read(rank, merge, 0));
    }
    return merges;
  }

  private SpecialIds specialIds(Vocabulary vocabulary, int usualBos, int usualEos, boolean usuallyAddsBos) {
    int size = vocabulary.size();
    int bos = metadata.token(BOS, size, usualBos < size ? usualBos : Vocabulary.NONE);
    int eos = metadata.token(EOS, size, usualEos < size ? usualEos : Vocabulary.NONE);
    Set<Integer> ends = new LinkedHashSet<>();
    ends.add(eos);
    ends.add(metadata.token(PREFIX + "eot_token_id", size, Vocabulary.NONE));
    ends.add(metadata.token(PREFIX + "eom_token_id", size, Vocabulary.NONE));
    ends.remove(Vocabulary.NONE);
    boolean addBos = metadata.bool(ADD_BOS, usuallyAddsBos && bos != Vocabulary.NONE);
    boolean addEos = metadata.bool(ADD_EOS, false);
    require(!addBos || bos != Vocabulary.NONE, ADD_BOS, BOS);
    require(!addEos || eos != Vocabulary.NONE, ADD_EOS, EOS);
    return new SpecialIds(bos, eos, addBos, addEos, SpecialIds.endsOf(vocabulary, ends, true));
  }

  private void require(boolean condition, String asks, String missing) {
    if (!condition) {
      throw new MalformedFileException(metadata.file(), asks, "asks for a token that " + missing + " does not name");
    }
  }

  private UnsupportedModelException unsupported(String what) {
    return new UnsupportedModelException(metadata.file(), what);
  }
}
