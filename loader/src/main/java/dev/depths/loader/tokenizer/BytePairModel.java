package dev.depths.loader.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.agrona.collections.IntArrayList;
import org.agrona.collections.Long2LongHashMap;

/**
 * Byte-level byte-pair encoding (Sennrich et al. 2016, Radford et al. 2019): a word's bytes are tokens, and the pair of
 * lowest rank is merged, leftmost first, until none is left.
 */
final class BytePairModel implements SubwordModel {
  private final Vocabulary vocabulary;
  private final PreTokenizer preTokenizer;
  private final Long2LongHashMap merges;
  private final int[] tokenOfByte = new int[256];

  /**
   * @param merges from {@link #pair} to {@link #merge}
   */
  BytePairModel(Vocabulary vocabulary, PreTokenizer preTokenizer, Long2LongHashMap merges) {
    this.vocabulary = vocabulary;
    this.preTokenizer = preTokenizer;
    this.merges = merges;
    for (int b = 0; b < 256; b++) {
      tokenOfByte[b] = vocabulary.textId(String.valueOf(ByteAlphabet.charOf(b)));
    }
  }

  static Long2LongHashMap newMerges(int expected) {
    return new Long2LongHashMap(Math.max(8, expected * 2), 0.65f, Vocabulary.NONE);
  }

  static long pair(int left, int right) {
    return ((long) left << 32) | right;
  }

  static long merge(int rank, int merged) {
    return ((long) rank << 32) | merged;
  }

  @Override
  public void encode(String text, int from, int end, boolean afterSpecial, IntArrayList tokens) {
    split(0, text, from, end, new Merger(tokens));
  }

  /** Recursion over the few rules, never over the text. */
  private void split(int rule, String text, int from, int end, Merger merger) {
    List<Splitter> rules = preTokenizer.rules();
    if (rule == rules.size()) {
      merger.encodeWord(text, from, end);
      return;
    }
    Splitter splitter = rules.get(rule);
    for (int i = from; i < end; ) {
      int next = splitter.next(text, i, end);
      split(rule + 1, text, i, next, merger);
      i = next;
    }
  }

  @Override
  public byte[] bytes(int token) {
    String piece = vocabulary.piece(token);
    byte[] bytes = new byte[piece.length()];
    for (int i = 0; i < bytes.length; i++) {
      int b = ByteAlphabet.byteOf(piece.charAt(i));
      if (b < 0) {
        return piece.getBytes(StandardCharsets.UTF_8);
      }
      bytes[i] = (byte) b;
    }
    return bytes;
  }

  @Override
  public boolean addsSpacePrefix() {
    return false;
  }

  @Override
  public String describe() {
    return "BPE, pre-tokenizer " + preTokenizer.name();
  }

  /** The scratch space of one call: the word's symbols as a doubly linked list in arrays. */
  private final class Merger {
    private final IntArrayList tokens;
    private final MergeQueue queue = new MergeQueue();
    private int[] symbols = new int[64];
    private int[] next = new int[64];
    private int[] previous = new int[64];
    private int length;

    Merger(IntArrayList tokens) {
      this.tokens = tokens;
    }

    void encodeWord(String text, int from, int end) {
      if (preTokenizer.wholeWords()) {
        int whole = vocabulary.textId(written(text, from, end));
        if (whole != Vocabulary.NONE) {
          tokens.addInt(whole);
          return;
        }
      }
      addBytes(text, from, end);
      mergePairs();
      for (int i = 0; i < length; i = next[i]) {
        // Bytes that the vocabulary lacks have no token and are dropped, as elsewhere.
        if (symbols[i] != Vocabulary.NONE) {
          tokens.addInt(symbols[i]);
        }
      }
    }

    private void mergePairs() {
      queue.clear();
      for (int i = 0; i < length; i++) {
        next[i] = i + 1;
        previous[i] = i - 1;
        offer(i);
      }
      while (!queue.isEmpty()) {
        long entry = queue.poll();
        int left = MergeQueue.position(entry);
        if (symbols[left] == MERGED || next[left] == length) {
          continue;
        }
        int right = next[left];
        long merge = merges.get(pair(symbols[left], symbols[right]));
        if (merge == Vocabulary.NONE || (int) (merge >> 32) != MergeQueue.priority(entry)) {
          continue;
        }
        symbols[left] = (int) merge;
        symbols[right] = MERGED;
        next[left] = next[right];
        if (next[left] < length) {
          previous[next[left]] = left;
        }
        offer(left);
        if (previous[left] >= 0) {
          offer(previous[left]);
        }
      }
    }

    /** Queues the pair that begins at a symbol. */
    private void offer(int left) {
      if (next[left] >= length || symbols[left] < 0 || symbols[next[left]] < 0) {
        return;
      }
      long merge = merges.get(pair(symbols[left], symbols[next[left]]));
      if (merge != Vocabulary.NONE) {
        queue.add((int) (merge >> 32), left);
      }
    }

    private void addBytes(String text, int from, int end) {
      length = 0;
      for (int i = from; i < end; ) {
        int codePoint = text.codePointAt(i);
        i += Character.charCount(codePoint);
        if (length + 4 > symbols.length) {
          grow();
        }
        if (codePoint < 0x80) {
          addByte(codePoint);
        } else if (codePoint < 0x800) {
          addByte(0xC0 | codePoint >> 6);
          addByte(0x80 | codePoint & 0x3F);
        } else if (codePoint < 0x10000) {
          addByte(0xE0 | codePoint >> 12);
          addByte(0x80 | codePoint >> 6 & 0x3F);
          addByte(0x80 | codePoint & 0x3F);
        } else {
          addByte(0xF0 | codePoint >> 18);
          addByte(0x80 | codePoint >> 12 & 0x3F);
          addByte(0x80 | codePoint >> 6 & 0x3F);
          addByte(0x80 | codePoint & 0x3F);
        }
      }
    }

    private void addByte(int b) {
      symbols[length++] = tokenOfByte[b];
    }

    private void grow() {
      int capacity = Math.multiplyExact(symbols.length, 2);
      symbols = Arrays.copyOf(symbols, capacity);
      next = Arrays.copyOf(next, capacity);
      previous = Arrays.copyOf(previous, capacity);
    }
  }

  private static final int MERGED = -2;

  /** A word as the vocabulary writes it. */
  private static String written(String text, int from, int end) {
    byte[] utf8 = text.substring(from, end).getBytes(StandardCharsets.UTF_8);
    char[] chars = new char[utf8.length];
    for (int i = 0; i < utf8.length; i++) {
      chars[i] = ByteAlphabet.charOf(utf8[i] & 0xFF);
    }
    return new String(chars);
  }
}
