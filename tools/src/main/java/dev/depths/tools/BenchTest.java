package dev.depths.tools;

/**
 * One test.
 *
 * @param prompt tokens prefilled in one go, or 0
 * @param generated tokens decoded one by one, or 0
 * @param depth tokens held before
 */
record BenchTest(int prompt, int generated, int depth, BenchRouting routing) {
  /** llama-bench's name of it: pp512, tg128 @ d1024. */
  String name() {
    String name = prompt > 0 ? "pp" + prompt : "tg" + generated;
    return depth > 0 ? name + " @ d" + depth : name;
  }

  /** Tokens that are measured. */
  int tokens() {
    return prompt + generated;
  }
}
