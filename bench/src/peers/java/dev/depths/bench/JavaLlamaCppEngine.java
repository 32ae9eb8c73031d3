package dev.depths.bench;

import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaIterator;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.ModelParameters;
import java.nio.file.Path;

/** llama.cpp through the binding java-llama.cpp, as built for the Java archive: for any x86-64 or AArch64 processor. */
final class JavaLlamaCppEngine implements Engine {
  private final LlamaModel model;
  private final String prompt = PeersBenchmark.WORD.repeat(PeersBenchmark.PROMPT);
  private LlamaIterator generation;

  JavaLlamaCppEngine(Path file, int threads) {
    model = new LlamaModel(new ModelParameters().setModel(file.toString())
        .setThreads(threads).setThreadsBatch(threads)
        .setCtxSize(2 * PeersBenchmark.PROMPT).setBatchSize(PeersBenchmark.PROMPT).setParallel(1).disableLog());
    int tokens = model.encode(prompt).length;
    if (tokens != PeersBenchmark.PROMPT) {
      throw new IllegalStateException("the prompt is of " + tokens + " tokens, not " + PeersBenchmark.PROMPT);
    }
  }

  private static InferenceParameters parameters(String prompt, int tokens) {
    return new InferenceParameters(prompt).setNPredict(tokens).setCachePrompt(false).setTemperature(0)
        .setIgnoreEos(true);
  }

  @Override
  public void prompt() {
    model.complete(parameters(prompt, 1));
  }

  /** The binding generates on a thread of its own, which is at most at the second token when this returns. */
  @Override
  public void begin() {
    if (generation != null && generation.hasNext()) {
      generation.cancel();
    }
    generation = model.generate(parameters(PeersBenchmark.WORD, PeersBenchmark.GENERATED + 1)).iterator();
    generation.next();
  }

  @Override
  public void generate() {
    while (generation.hasNext()) {
      generation.next();
    }
  }

  @Override
  public void close() {
    model.close();
  }
}
