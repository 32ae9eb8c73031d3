package dev.depths.loader.tokenizer;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.List;
import org.agrona.collections.IntArrayList;

/**
 * Byte-level byte-pair encoding (Sennrich et al. 2016, Radford et al. 2019): a word's bytes are tokens, and the pair of
 * lowest rank is merged, leftmost first, until none is left.
 */
final class BytePairModel implements SubwordModel {
  private final Vocabulary vocabulary;
  private final PreTokenizer preTokenizer;
  private final Merges merges;
  private final boolean composes;
  private final int[] tokenOfByte = new int[256];

  /**
   * @param composes whether text is brought to Unicode's normal form C first
   */
  BytePairModel(Vocabulary vocabulary, PreTokenizer preTokenizer, Merges merges, boolean composes) {
    this.vocabulary = vocabulary;
    this.composes = composes;
    this.preTokenizer = preTokenizer;
    this.merges = merges;
    for (int b = 0; b < 256; b++) {
      tokenOfByte[b] = vocabulary.textId(String.valueOf(ByteAlphabet.charOf(b)));
    }
  }

  @Override
  public void encode(String text, int from, int end, boolean afterSpecial, IntArrayList tokens) {
    if (composes && mayNeedComposing(text, from, end)) {
      String composed = Normalizer.normalize(text.substring(from, end), Normalizer.Form.NFC);
      split(0, composed, 0, composed.length(), new Encoder(tokens));
    } else {
      split(0, text, from, end, new Encoder(tokens));
    }
  }

  /** Characters below the combining marks are composed as they are. */
  private static boolean mayNeedComposing(String text, int from, int end) {
    for (int i = from; i < end; i++) {
      if (text.charAt(i) >= 0x300) {
        return true;
      }
    }
    return false;
  }

  /** Recursion over the few rules, never over the text. */
  private void split(int rule, String text, int from, int end, Encoder encoder) {
    List<Splitter> rules = preTokenizer.rules();
    if (rule == rules.size()) {
      encoder.encodeWord(text, from, end);
      return;
    }
    Splitter splitter = rules.get(rule);
    for (int i = from; i < end; ) {
      int next = splitter.next(text, i, end);
      split(rule + 1, text, i, next, encoder);
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

  /** The scratch space of one call. */
  private final class Encoder {
    private final IntArrayList tokens;
    private final PairMerger merger = new PairMerger(merges);

    Encoder(IntArrayList tokens) {
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
      merger.clear();
      for (int i = from; i < end; ) {
        int codePoint = text.codePointAt(i);
        i += Character.charCount(codePoint);
        addUtf8(codePoint);
      }
      merger.merge();
      // Bytes that the vocabulary lacks have no token and are dropped, as elsewhere.
      merger.appendTo(tokens);
    }

    private void addUtf8(int codePoint) {
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

    private void addByte(int b) {
      merger.add(tokenOfByte[b]);
    }
  }

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
