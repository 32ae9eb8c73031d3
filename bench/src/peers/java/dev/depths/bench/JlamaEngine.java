package dev.depths.bench;

import com.github.tjake.jlama.model.AbstractModel;
import com.github.tjake.jlama.model.ModelSupport;
import com.github.tjake.jlama.safetensors.DType;
import com.github.tjake.jlama.safetensors.SafeTensorSupport;
import com.github.tjake.jlama.tensor.AbstractTensor;
import com.github.tjake.jlama.tensor.KvBufferCache;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/**
 * Jlama, with the Vector API alone (without its native library). Weights are in its own 4-bit type, activations in 8
 * bits, which is how its models are published; they are made from the GGUF file once and kept.
 */
@SuppressWarnings("rawtypes") // Its own signatures are.
final class JlamaEngine implements Engine {
  private static final DType WEIGHTS = DType.Q4;

  private final AbstractModel model;
  private final KvBufferCache caches;
  private final AbstractTensor logits;
  private final int[] prompt = new int[PeersBenchmark.PROMPT];
  private KvBufferCache.KvBuffer cache;
  private int next;
  private int position;

  JlamaEngine(Path file, int threads) throws IOException {
    model = ModelSupport.loadModel(
        directory(file).toFile(), null, DType.F32, DType.I8, Optional.empty(), Optional.of(threads));
    caches = new KvBufferCache(model);
    logits = model.makeDenseTensor(model.getConfig().vocabularySize);
    Arrays.fill(prompt, Math.toIntExact(model.getTokenizer().encode(PeersBenchmark.WORD)[0]));
  }

  private static Path directory(Path file) throws IOException {
    String name = file.getFileName() + "-" + Files.size(file) + "-" + Files.getLastModifiedTime(file).toMillis();
    Path directory = PeersBenchmark.cache().resolve("peers").resolve("jlama").resolve(name);
    if (!Files.isDirectory(directory)) {
      Path parent = Files.createDirectories(directory.getParent());
      Path f32 = Files.createTempDirectory(parent, "f32-");
      Path quantized = Files.createTempDirectory(parent, "q4-");
      HuggingFaceDirectory.write(file, f32);
      SafeTensorSupport.quantizeModel(f32, WEIGHTS, null, null, Optional.of(quantized));
      Files.move(quantized, directory);
      for (String written : HuggingFaceDirectory.FILES) {
        Files.delete(f32.resolve(written));
      }
      Files.delete(f32);
    }
    return directory;
  }

  private void forget() {
    if (cache != null) {
      cache.close();
    }
    cache = caches.getEphemeralKvBuffer();
    position = 0;
  }

  @Override
  public void prompt() {
    forget();
    try (AbstractTensor out = model.batchForward(prompt, 0, cache)) {
      next = model.sample(out.slice(out.shape().first() - 1), 0, 0, logits);
    }
  }

  @Override
  public void begin() {
    forget();
    next = prompt[0];
    step();
  }

  @Override
  public void generate() {
    for (int i = 0; i < PeersBenchmark.GENERATED; i++) {
      step();
    }
  }

  private void step() {
    try (AbstractTensor out = model.forward(next, position++, cache, Optional.empty())) {
      next = model.sample(out, 0, 0, logits);
    }
  }

  @Override
  public void close() {
    logits.close();
    caches.close();
    model.close();
  }
}
