package dev.depths.loader.tokenizer;

/**
 * One rule of a pre-tokenizer, a hand-written scanner in place of a regular expression: linear in the text and without
 * recursion, whatever the text.
 */
@FunctionalInterface
interface Splitter {
  /**
   * The end of the word that begins at {@code from}; beyond {@code from} and at most {@code end}.
   *
   * @param text well-formed UTF-16
   * @param from where the word begins, before {@code end}
   * @param end where the text ends for this rule
   */
  int next(String text, int from, int end);
}
