package dev.depths.loader.tokenizer;

import dev.depths.loader.MalformedFileException;
import dev.depths.loader.UnsupportedModelException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The scores by which SentencePiece merges, from the ranks by which {@code tokenizer.json} does: a piece scores higher the
 * earlier it is merged. Merging by ranks merges pairs that are listed, merging by scores all pairs that make a piece; where
 * the two are not the same the tokenizer is refused.
 */
final class MergeScores {
  private final HuggingFaceParts source;
  private final Vocabulary vocabulary;
  /** Listed pairs: the id of what they become and the length of the left piece. */
  private final Set<Long> listed = new HashSet<>();

  MergeScores(HuggingFaceParts source) {
    this.source = source;
    this.vocabulary = source.vocabulary();
  }

  /**
   * The scores of {@code size} tokens: the negative rank of the first merge that makes a piece; less than all of these for
   * pieces that are not merged.
   *
   * @throws UnsupportedModelException if merging by scores is something else
   */
  float[] scores(int size) {
    if (source.rules().splitsAtSpaces()) {
      requireWords();
    }
    List<String> pairs = source.mergedPairs();
    float[] scores = new float[size];
    Arrays.fill(scores, -pairs.size() / 2);
    Set<Integer> made = new HashSet<>();
    int last = Vocabulary.NONE;
    for (int i = 0; i < pairs.size(); i += 2) {
      int id = vocabulary.id(pairs.get(i) + pairs.get(i + 1));
      if (id == Vocabulary.NONE) {
        throw new MalformedFileException(source.file(), "model.merges[" + i / 2 + "]", "what '"
            + Texts.printable(pairs.get(i) + ' ' + pairs.get(i + 1)) + "' becomes is not in the vocabulary");
      }
      if (id != last) {
        if (!made.add(id)) {
          throw unsupported("those that make '" + Texts.printable(vocabulary.piece(id)) + "' do not follow each other");
        }
        scores[id] = -i / 2;
        last = id;
      }
      listed.add(key(id, pairs.get(i).length()));
    }
    requireAllPairs();
    return scores;
  }

  /** Each way in which two pieces make a third is listed. */
  private void requireAllPairs() {
    for (int id = 0; id < vocabulary.size(); id++) {
      char[] piece = vocabulary.piece(id).toCharArray();
      if (vocabulary.textId(piece, 0, piece.length) != id || vocabulary.type(id) == TokenType.USER_DEFINED) {
        continue;
      }
      for (int middle = 1; middle < piece.length; middle++) {
        if (vocabulary.textId(piece, 0, middle) != Vocabulary.NONE
            && vocabulary.textId(piece, middle, piece.length) != Vocabulary.NONE && !listed.contains(key(id, middle))) {
          throw unsupported("'" + Texts.printable(new String(piece, 0, middle)) + "' and '"
              + Texts.printable(new String(piece, middle, piece.length - middle)) + "' are not merged");
        }
      }
    }
  }

  /** Words are merged by themselves, which scores do not say: no piece may reach into a second one. */
  private void requireWords() {
    for (int id = 0; id < vocabulary.size(); id++) {
      if (vocabulary.type(id) == TokenType.NORMAL && vocabulary.piece(id).indexOf(SentencePieceModel.SPACE, 1) > 0) {
        throw unsupported("'" + Texts.printable(vocabulary.piece(id)) + "' is more than one word");
      }
    }
  }

  private static long key(int id, int leftLength) {
    return (long) id << 32 | leftLength;
  }

  private UnsupportedModelException unsupported(String why) {
    return new UnsupportedModelException(source.file(), "these merges cannot be written as scores, which is what GGUF has "
        + "for tokenizers of SentencePiece's kind: " + why);
  }
}
