package dev.depths.bench;

import dev.depths.runtime.Model;
import dev.depths.runtime.ModelOptions;
import dev.depths.runtime.Session;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

/** Depths, dense. */
final class DepthsEngine implements Engine {
  private final Model model;
  private final Session session;
  private final int[] prompt = new int[PeersBenchmark.PROMPT];
  private int next;

  DepthsEngine(Path file, int threads) throws IOException {
    model = Model.open(file, ModelOptions.defaults().withThreads(threads));
    session = model.newSession();
    Arrays.fill(prompt, model.tokenizer().encode(PeersBenchmark.WORD, false)[0]);
  }

  @Override
  public void prompt() {
    session.reset();
    next = likeliest(session.prefill(prompt));
  }

  @Override
  public void begin() {
    session.reset();
    next = likeliest(session.decode(prompt[0]));
  }

  @Override
  public void generate() {
    for (int i = 0; i < PeersBenchmark.GENERATED; i++) {
      next = likeliest(session.decode(next));
    }
  }

  private static int likeliest(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    return best;
  }

  @Override
  public void close() {
    session.close();
    model.close();
  }
}
