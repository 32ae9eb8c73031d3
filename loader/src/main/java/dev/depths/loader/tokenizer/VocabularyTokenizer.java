package dev.depths.loader.tokenizer;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.Set;
import org.agrona.collections.IntArrayList;

/** A tokenizer of a vocabulary, its special tokens, and a model that merges what lies between them. */
final class VocabularyTokenizer implements Tokenizer {
  private static final byte[] NO_BYTES = {};

  private final Vocabulary vocabulary;
  private final SubwordModel model;
  private final SpecialIds special;
  private final SpecialTokens userDefined;
  private final SpecialTokens allSpecial;

  private final BitSet stripsBefore;
  private final BitSet stripsAfter;

  VocabularyTokenizer(Vocabulary vocabulary, SubwordModel model, SpecialIds special) {
    this(vocabulary, model, special, new BitSet(), new BitSet());
  }

  /**
   * @param stripsBefore special tokens that take the white space before them with them
   * @param stripsAfter special tokens that take the white space after them with them
   */
  VocabularyTokenizer(
      Vocabulary vocabulary, SubwordModel model, SpecialIds special, BitSet stripsBefore, BitSet stripsAfter) {
    this.vocabulary = vocabulary;
    this.stripsBefore = stripsBefore;
    this.stripsAfter = stripsAfter;
    this.model = model;
    this.special = special;
    userDefined = new SpecialTokens(vocabulary, vocabulary.idsOf(TokenType.USER_DEFINED));
    allSpecial = new SpecialTokens(vocabulary,
        vocabulary.idsOf(TokenType.USER_DEFINED, TokenType.CONTROL, TokenType.UNKNOWN));
  }

  @Override
  public int[] encode(String text, boolean parseSpecial) {
    return encode(text, false, parseSpecial);
  }

  @Override
  public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
    IntArrayList tokens = new IntArrayList(Math.max(16, text.length() / 3), Vocabulary.NONE);
    if (addSpecial && special.addBos()) {
      tokens.addInt(special.bos());
    }
    encode(Texts.wellFormed(text), parseSpecial ? allSpecial : userDefined, tokens);
    if (addSpecial && special.addEos()) {
      tokens.addInt(special.eos());
    }
    return tokens.toIntArray();
  }

  private void encode(String text, SpecialTokens wanted, IntArrayList tokens) {
    boolean afterSpecial = true;
    for (int i = 0; i < text.length(); ) {
      int found = wanted.find(text, i);
      int token = found < 0 ? Vocabulary.NONE : wanted.matchAt(text, found);
      int end = found < 0 ? text.length() : found;
      int plainEnd = end;
      while (token != Vocabulary.NONE && stripsBefore.get(token) && plainEnd > i && isSpace(text, plainEnd - 1)) {
        plainEnd--;
      }
      if (plainEnd > i) {
        model.encode(text, i, plainEnd, afterSpecial, tokens);
        afterSpecial = false;
      }
      i = end;
      if (token != Vocabulary.NONE) {
        tokens.addInt(token);
        afterSpecial = true;
        i += vocabulary.length(token);
        while (stripsAfter.get(token) && i < text.length() && isSpace(text, i)) {
          i++;
        }
      }
    }
  }

  private static boolean isSpace(String text, int index) {
    return CharKind.of(text.charAt(index)) == CharKind.SPACE;
  }

  @Override
  public byte[] bytes(int token, boolean withSpecial) {
    check(token);
    return switch (vocabulary.type(token)) {
      case NORMAL -> model.bytes(token);
      case BYTE -> new byte[] {ByteTokens.byteOf(vocabulary.piece(token))};
      case USER_DEFINED -> vocabulary.piece(token).getBytes(StandardCharsets.UTF_8);
      case CONTROL, UNKNOWN -> withSpecial ? vocabulary.piece(token).getBytes(StandardCharsets.UTF_8) : NO_BYTES;
      case UNDEFINED, UNUSED -> NO_BYTES;
    };
  }

  @Override
  public String decode(int[] tokens, boolean withSpecial) {
    ByteArrayOutputStream text = new ByteArrayOutputStream(tokens.length * 4);
    boolean start = model.addsSpacePrefix();
    for (int token : tokens) {
      byte[] bytes = bytes(token, withSpecial);
      int skip = start && bytes.length > 0 && bytes[0] == ' ' ? 1 : 0;
      text.write(bytes, skip, bytes.length - skip);
      start &= bytes.length == 0;
    }
    return text.toString(StandardCharsets.UTF_8);
  }

  @Override
  public TokenDecoder newDecoder() {
    return new Utf8TokenDecoder(this);
  }

  @Override
  public int size() {
    return vocabulary.size();
  }

  @Override
  public String piece(int token) {
    check(token);
    return vocabulary.piece(token);
  }

  @Override
  public int bos() {
    return special.bos();
  }

  @Override
  public int eos() {
    return special.eos();
  }

  @Override
  public Set<Integer> endOfGeneration() {
    return special.endOfGeneration();
  }

  @Override
  public boolean isControl(int token) {
    check(token);
    return vocabulary.type(token).isControl();
  }

  @Override
  public String describe() {
    return model.describe() + ", " + vocabulary.size() + " tokens";
  }

  private void check(int token) {
    if (token < 0 || token >= vocabulary.size()) {
      throw new IllegalArgumentException("token " + token + " is not in the vocabulary, expected 0 to "
          + (vocabulary.size() - 1));
    }
  }
}
