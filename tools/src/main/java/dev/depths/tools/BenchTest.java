package dev.depths.tools;

/**
 * One test.
 *
 * @param prompt tokens prefilled in one go, or 0
 * @param generated tokens decoded one by one, or 0
 * @param depth tokens held before
 * @param batch sequences that decode together
 */
record BenchTest(int prompt, int generated, int depth, int batch, BenchRouting routing) {
  /** llama-bench's name of it: pp512, tg128 @ d1024; and how many sequences: tg128 x 8. */
  String name() {
    String name = (prompt > 0 ? "pp" + prompt : "tg" + generated) + (batch > 1 ? " x " + batch : "");
    return depth > 0 ? name + " @ d" + depth : name;
  }

  /** Tokens that are measured, of all sequences. */
  int tokens() {
    return prompt + generated * batch;
  }
}
