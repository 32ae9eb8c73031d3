package dev.depths.loader.tokenizer;

import java.nio.charset.StandardCharsets;
import org.agrona.collections.IntArrayList;

/**
 * BPE on characters with byte fallback, as tokenizer.json files write SentencePiece's models: spaces are U+2581, and
 * pairs merge by the rank of their merge rather than by the score of what they become.
 */
final class CharacterPairModel implements SubwordModel {
  /** Where a space is put in front of text. */
  enum Prefix {
    NEVER,
    /** At the beginning of the text only, unless it begins with a space. */
    FIRST,
    /** After special tokens as well, unless the text there begins with a space. */
    ALWAYS,
    /** After special tokens as well, even before a space. */
    DOUBLED
  }

  private final Vocabulary vocabulary;
  private final Merges merges;
  private final Prefix prefix;
  private final boolean splitsAtSpaces;
  private final boolean dropsFirstSpace;
  private final ByteTokens byteTokens;

  /**
   * @param splitsAtSpaces whether words are merged by themselves, each with the space before it
   * @param dropsFirstSpace whether decoding drops a space at the beginning
   */
  CharacterPairModel(Vocabulary vocabulary, Merges merges, Prefix prefix, boolean splitsAtSpaces,
      boolean dropsFirstSpace, ByteTokens byteTokens) {
    this.vocabulary = vocabulary;
    this.merges = merges;
    this.prefix = prefix;
    this.splitsAtSpaces = splitsAtSpaces;
    this.dropsFirstSpace = dropsFirstSpace;
    this.byteTokens = byteTokens;
  }

  @Override
  public void encode(String text, int from, int end, boolean afterSpecial, IntArrayList tokens) {
    String plain = text.substring(from, end).replace(' ', SentencePieceModel.SPACE);
    boolean prefixed = switch (prefix) {
      case NEVER -> false;
      case FIRST -> from == 0 && plain.charAt(0) != SentencePieceModel.SPACE;
      case ALWAYS -> afterSpecial && plain.charAt(0) != SentencePieceModel.SPACE;
      case DOUBLED -> afterSpecial;
    };
    String marked = prefixed ? SentencePieceModel.SPACE + plain : plain;
    PairMerger merger = new PairMerger(merges);
    char[] chars = marked.toCharArray();
    for (int i = 0; i < marked.length(); ) {
      int next = splitsAtSpaces ? marked.indexOf(SentencePieceModel.SPACE, i + 1) : -1;
      int wordEnd = next < 0 ? marked.length() : next;
      encodeWord(chars, i, wordEnd, merger, tokens);
      i = wordEnd;
    }
  }

  private void encodeWord(char[] text, int from, int end, PairMerger merger, IntArrayList tokens) {
    merger.clear();
    for (int i = from; i < end; ) {
      int next = i + Character.charCount(Character.codePointAt(text, i, end));
      int token = vocabulary.textId(text, i, next);
      if (token != Vocabulary.NONE) {
        merger.add(token);
      } else {
        byteTokens.forEach(new String(text, i, next - i), merger::add);
      }
      i = next;
    }
    merger.merge();
    merger.appendTo(tokens);
  }

  @Override
  public byte[] bytes(int token) {
    return vocabulary.piece(token).replace(SentencePieceModel.SPACE, ' ').getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public boolean addsSpacePrefix() {
    return dropsFirstSpace;
  }

  @Override
  public String describe() {
    return "SentencePiece BPE by merges";
  }
}
