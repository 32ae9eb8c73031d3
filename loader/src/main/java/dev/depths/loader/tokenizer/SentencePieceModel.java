package dev.depths.loader.tokenizer;

import java.nio.charset.StandardCharsets;
import org.agrona.collections.IntArrayList;

/**
 * SentencePiece's BPE (Kudo and Richardson 2018): a text's characters are merged, the pair whose piece has the highest
 * score first and leftmost among equals, until no pair is a piece. Spaces are written U+2581; characters without a
 * piece become byte tokens.
 */
final class SentencePieceModel implements SubwordModel {
  static final char SPACE = '\u2581';

  private final Vocabulary vocabulary;
  private final float[] scores;
  private final boolean spacePrefix;
  private final ByteTokens byteTokens;
  private final int longestPiece;

  /**
   * @param scores of each token; higher merges first
   * @param spacePrefix whether text at the beginning or after a special token is given a space in front
   */
  SentencePieceModel(Vocabulary vocabulary, float[] scores, boolean spacePrefix, ByteTokens byteTokens) {
    this.vocabulary = vocabulary;
    this.scores = scores;
    this.spacePrefix = spacePrefix;
    this.byteTokens = byteTokens;
    int longest = 0;
    for (int id = 0; id < vocabulary.size(); id++) {
      longest = Math.max(longest, vocabulary.length(id));
    }
    longestPiece = longest;
  }

  @Override
  public void encode(String text, int from, int end, boolean afterSpecial, IntArrayList tokens) {
    String prefix = spacePrefix && afterSpecial ? String.valueOf(SPACE) : "";
    new Merger(prefix.concat(text.substring(from, end).replace(' ', SPACE))).encode(tokens);
  }

  @Override
  public byte[] bytes(int token) {
    return vocabulary.piece(token).replace(SPACE, ' ').getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public boolean addsSpacePrefix() {
    return spacePrefix;
  }

  @Override
  public String describe() {
    return "SentencePiece BPE";
  }

  /** The scratch space of one text: its symbols as a doubly linked list of stretches, by first character. */
  private final class Merger {
    private final String text;
    private final char[] chars;
    private final MergeQueue queue = new MergeQueue();
    /** Index of the next symbol's first character, by that of each symbol; 0 for symbols merged away. */
    private final int[] next;
    private final int[] previous;

    Merger(String text) {
      this.text = text;
      chars = text.toCharArray();
      next = new int[text.length()];
      previous = new int[text.length()];
    }

    void encode(IntArrayList tokens) {
      int last = -1;
      for (int i = 0; i < text.length(); i = next[i]) {
        next[i] = i + Character.charCount(text.codePointAt(i));
        previous[i] = last;
        last = i;
      }
      for (int i = 0; i < text.length(); i = next[i]) {
        offer(i);
      }
      while (!queue.isEmpty()) {
        long entry = queue.poll();
        mergeAt(MergeQueue.position(entry), MergeQueue.priority(entry));
      }
      for (int i = 0; i < text.length(); i = next[i]) {
        emit(i, tokens);
      }
    }

    private void mergeAt(int left, int priority) {
      int token = next[left] == 0 ? Vocabulary.NONE : pairAt(left);
      if (token == Vocabulary.NONE || priorityOf(token) != priority) {
        return;
      }
      int right = next[left];
      next[left] = next[right];
      next[right] = 0;
      if (next[left] < text.length()) {
        previous[next[left]] = left;
      }
      offer(left);
      if (previous[left] >= 0) {
        offer(previous[left]);
      }
    }

    private void offer(int left) {
      int token = pairAt(left);
      if (token != Vocabulary.NONE) {
        queue.add(priorityOf(token), left);
      }
    }

    /** The token of the symbol that begins at {@code left} and the one after it. */
    private int pairAt(int left) {
      int right = next[left];
      return right == text.length() || next[right] - left > longestPiece
          ? Vocabulary.NONE
          : vocabulary.textId(chars, left, next[right]);
    }

    private void emit(int from, IntArrayList tokens) {
      String symbol = text.substring(from, next[from]);
      int token = vocabulary.textId(symbol);
      if (token != Vocabulary.NONE) {
        tokens.addInt(token);
        return;
      }
      byteTokens.forEach(symbol, tokens::addInt);
    }
  }

  /** An integer that is lower for higher scores. */
  private int priorityOf(int token) {
    int bits = Float.floatToIntBits(scores[token] + 0.0f);
    return ~(bits < 0 ? bits ^ Integer.MAX_VALUE : bits);
  }
}
