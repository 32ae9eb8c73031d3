package dev.depths.loader.tokenizer;

import dev.depths.loader.MalformedFileException;
import java.util.Arrays;

/** The pieces of a vocabulary, their types, and the way from a piece back to its id. */
final class Vocabulary {
  static final int NONE = -1;
  /** More than any known model has; a bound on what a hostile file can make us allocate. */
  static final int MAX_SIZE = 1 << 21;
  /** Bound on all pieces together, in characters. */
  static final int MAX_CHARACTERS = 1 << 26;

  private final Pieces pieces;
  private final TokenType[] types;
  private final PieceIndex ids;

  /**
   * @param where the key of the pieces, for messages
   * @throws MalformedFileException if a piece occurs twice or is not valid Unicode; empty pieces are padding, and
   * allowed
   */
  Vocabulary(Object file, String where, Pieces pieces, TokenType[] types) {
    this.pieces = pieces;
    this.types = types;
    ids = new PieceIndex(pieces);
    for (int id = 0; id < pieces.size(); id++) {
      int other = pieces.length(id) == 0 ? NONE : ids.add(id);
      if (other != NONE) {
        throw new MalformedFileException(file, where + "[" + id + "]",
            "the piece '" + Texts.printable(pieces.get(id)) + "' is already token " + other + ", expected each piece once");
      }
    }
  }

  int size() {
    return pieces.size();
  }

  String piece(int id) {
    return pieces.get(id);
  }

  /** The length of a piece in characters. */
  int length(int id) {
    return pieces.length(id);
  }

  TokenType type(int id) {
    return types[id];
  }

  /** For tokens whose text says what they are, whatever the file says. */
  void retype(int id, TokenType type) {
    types[id] = type;
  }

  /** The token of a piece, of whatever type, or {@link #NONE}. */
  int id(String piece) {
    return id(piece.toCharArray(), 0, piece.length());
  }

  /** The token of a stretch of text, of whatever type, or {@link #NONE}. */
  int id(char[] text, int from, int end) {
    return ids.find(text, from, end);
  }

  /** The token of the stretches before and after a character, joined, or {@link #NONE}. */
  int joinedId(char[] text, int from, int middle, int end) {
    return ids.findJoined(text, from, middle, end);
  }

  /** The token that merging may give for a text: control tokens and bytes do not come from text. */
  int textId(String text) {
    return textId(text.toCharArray(), 0, text.length());
  }

  /** As above, for a stretch of text. */
  int textId(char[] text, int from, int end) {
    int id = ids.find(text, from, end);
    return id != NONE && !types[id].isControl() && types[id] != TokenType.BYTE ? id : NONE;
  }

  /** Tokens of the given types, in order. */
  int[] idsOf(TokenType... wanted) {
    int[] found = new int[size()];
    int n = 0;
    for (int id = 0; id < size(); id++) {
      for (TokenType type : wanted) {
        if (types[id] == type) {
          found[n++] = id;
        }
      }
    }
    return Arrays.copyOf(found, n);
  }
}
