package dev.depths.loader.tokenizer;

import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;

/**
 * What a {@code tokenizer.json} and the files beside it say.
 *
 * @param special tokens with a role
 * @param padding the token that fills up batches, or -1
 * @param unknown the token of characters that have none, or -1
 * @param mergedPairs pairs of pieces in the order of their ranks, left and right by turns
 * @param wholeWords whether a word that is in the vocabulary is one token, whatever the merges say
 * @param stripsBefore special tokens that take the white space before them with them
 * @param stripsAfter special tokens that take the white space after them with them
 */
record HuggingFaceParts(Path file, Vocabulary vocabulary, TextRules rules, SpecialIds special, int padding, int unknown,
    List<String> mergedPairs, boolean wholeWords, BitSet stripsBefore, BitSet stripsAfter) {
  Tokenizer tokenizer() {
    SubwordModel model = rules.byteLevel() ? bytePairs()
        : new CharacterPairModel(vocabulary, merges(), rules.prefix(), rules.splitsAtSpaces(), rules.dropsFirstSpace(),
            new ByteTokens(vocabulary, unknown));
    return new VocabularyTokenizer(vocabulary, model, special, stripsBefore, stripsAfter);
  }

  private SubwordModel bytePairs() {
    PreTokenizer preTokenizer = new PreTokenizer(rules.name(), rules.splitters(), wholeWords, false);
    return new BytePairModel(vocabulary, preTokenizer, merges(), rules.composes());
  }

  private Merges merges() {
    Merges merges = new Merges(file, "model.merges", vocabulary, mergedPairs.size() / 2);
    for (int i = 0; i < mergedPairs.size(); i += 2) {
      merges.add(mergedPairs.get(i), mergedPairs.get(i + 1));
    }
    return merges;
  }
}
