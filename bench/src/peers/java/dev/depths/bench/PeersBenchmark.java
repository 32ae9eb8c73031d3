package dev.depths.bench;

import java.io.IOException;
import java.nio.file.Path;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Engines for the JVM on the same GGUF file, in tokens per second: a prompt, and a generation. */
@State(Scope.Benchmark)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
// The binding to llama.cpp leaves a thread behind, for whose end the JVM would wait.
@Fork(jvmArgsAppend = "-Djmh.shutdownTimeout=1")
public class PeersBenchmark extends Defaults {
  static final int PROMPT = 512;
  static final int GENERATED = 128;

  /** One token in the vocabularies of byte-level BPE; prompts repeat it, since not all engines take token ids. */
  static final String WORD = " light";

  @Param({"depths", "jlama", "java-llama.cpp"})
  String engine;

  @Param({"1", "2"})
  int threads;

  /** A GGUF file of the llama architecture; "default" is that of Depths' command line, once it has fetched it. */
  @Param("default")
  String model;

  private Engine running;

  /** A generation of one token, out of the measured time. */
  @State(Scope.Benchmark)
  public static class Begun {
    @Setup(Level.Invocation)
    public void begin(PeersBenchmark peers) {
      peers.running.begin();
    }
  }

  @Setup
  public void open() throws IOException {
    Path file = model.equals("default")
        ? cache().resolve("models").resolve("SmolLM2-135M-Instruct.Q4_1.gguf") : Path.of(model);
    running = switch (engine) {
      case "depths" -> new DepthsEngine(file, threads);
      case "jlama" -> new JlamaEngine(file, threads);
      case "java-llama.cpp" -> new JavaLlamaCppEngine(file, threads);
      default -> throw new IllegalArgumentException("no engine " + engine);
    };
  }

  /** Depths' directory in the user's cache. */
  static Path cache() {
    String base = System.getenv("XDG_CACHE_HOME");
    return (base != null && Path.of(base).isAbsolute() ? Path.of(base)
        : Path.of(System.getProperty("user.home"), ".cache")).resolve("depths");
  }

  @TearDown
  public void close() {
    running.close();
  }

  @Benchmark
  @OperationsPerInvocation(PROMPT)
  public void pp512() {
    running.prompt();
  }

  @Benchmark
  @OperationsPerInvocation(GENERATED)
  public void tg128(Begun begun) {
    running.generate();
  }
}
