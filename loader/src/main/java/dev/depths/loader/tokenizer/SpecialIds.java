package dev.depths.loader.tokenizer;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The tokens with a role.
 *
 * @param bos beginning of text, or -1
 * @param eos end of text, or -1
 * @param addBos whether encoding adds {@code bos}, which then is a token
 * @param addEos whether encoding adds {@code eos}, which then is a token
 * @param endOfGeneration all tokens that end a generation
 */
record SpecialIds(int bos, int eos, boolean addBos, boolean addEos, Set<Integer> endOfGeneration) {
  /** Texts that end a turn or a text in the models known; llama.cpp's list. */
  private static final List<String> ENDS = List.of("<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>",
      "<|flush|>", "<|calls|>", "<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]",
      "[EOS]", "<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>",
      "<｜end▁of▁sentence｜>", "[e~[");
  /** Fill-in-the-middle padding, repository and file separators end a generation too. */
  private static final List<String> FILL_IN_ENDS = List.of("<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]",
      "<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>");
  /** The text that OpenAI's harmony format keeps inside a turn, where other formats end it. */
  private static final String HARMONY_END = "<|end|>";

  /**
   * Finds by their texts the tokens that end a generation, and makes them control tokens whatever the file says.
   *
   * @param named ids that the file names as ends: of text, of turn, of message
   * @param anyType whether tokens that the file takes for plain text count too, as in llama.cpp
   */
  static Set<Integer> endsOf(Vocabulary vocabulary, Set<Integer> named, boolean anyType) {
    Set<Integer> ends = new LinkedHashSet<>(named);
    for (List<String> texts : List.of(ENDS, FILL_IN_ENDS)) {
      for (String text : texts) {
        int id = vocabulary.id(text);
        if (id != Vocabulary.NONE && (anyType || vocabulary.type(id) != TokenType.NORMAL)) {
          ends.add(id);
          vocabulary.retype(id, TokenType.CONTROL);
        }
      }
    }
    boolean harmony = has(vocabulary, "<|return|>") && has(vocabulary, "<|call|>")
        || has(vocabulary, "<|calls|>") && has(vocabulary, "<|flush|>");
    if (harmony && has(vocabulary, HARMONY_END)) {
      int id = vocabulary.id(HARMONY_END);
      ends.remove(id);
      vocabulary.retype(id, TokenType.USER_DEFINED);
    }
    return Set.copyOf(ends);
  }

  /** Whether {@link #endsOf} finds a token by its text. */
  static boolean isEnd(String piece) {
    return ENDS.contains(piece) || FILL_IN_ENDS.contains(piece);
  }

  private static boolean has(Vocabulary vocabulary, String text) {
    return vocabulary.id(text) != Vocabulary.NONE;
  }
}
