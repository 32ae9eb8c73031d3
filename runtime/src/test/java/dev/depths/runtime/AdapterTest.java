package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.DType;
import dev.depths.loader.LoadException;
import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Bypass;
import dev.depths.loader.Tensor;
import dev.depths.loader.UnsupportedModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** A dense model with an adapter: routers and low-rank updates of its matrices. */
class AdapterTest {
  private static final int RANK = 3;
  private static final double SCALE = 0.7;

  @TempDir
  private Path directory;

  static Stream<TinyModel.Shape> shapes() {
    return Stream.of(TinyModel.SMALL, TinyModel.QWEN2, TinyModel.QWEN3);
  }

  /** Merged or beside, all modes compute W + scale · B·A. */
  @ParameterizedTest
  @MethodSource("shapes")
  void updatesAllMatrices(TinyModel.Shape shape) throws IOException {
    TinyModel base = TinyModel.dense(shape, 1);
    compare(base, List.of("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"));
  }

  /** Of matrices that share an input, some may have no update. */
  @Test
  void updatesSomeMatrices() throws IOException {
    TinyModel base = TinyModel.dense(TinyModel.SMALL, 2);
    compare(base, List.of("attn_v"));
    compare(base, List.of("attn_q", "attn_v", "ffn_up"));
    compare(base, List.of("attn_k", "ffn_gate"));
    compare(base, List.of());
  }

  /** Of half floats and floats; a rank that is no whole panel. */
  @ParameterizedTest
  @MethodSource("shapes")
  void bypassesSkippedTokens(TinyModel.Shape shape) throws IOException {
    TinyModel base = TinyModel.dense(shape, 3);
    for (int rank : new int[] {1, 40}) {
      List<Tensor> tensors = new ArrayList<>(tensors(base, List.of("ffn_up")));
      tensors.addAll(bypass(base.config().embedding(), rank, new Random(rank)));
      compare(base, tensors, descriptor(Bypass.LOWRANK));
    }
  }

  private static List<Tensor> bypass(int d, int rank, Random random) {
    return List.of(
        RandomTensors.matrix("blk.1.mod_bypass_a.weight", DType.F16, rank, d, 2 / Math.sqrt(d), random),
        RandomTensors.matrix("blk.1.mod_bypass_b.weight", DType.BF16, d, rank, 1 / Math.sqrt(rank), random));
  }

  private void compare(TinyModel base, List<String> updated) throws IOException {
    compare(base, tensors(base, updated), descriptor(Bypass.NONE));
  }

  private void compare(TinyModel base, List<Tensor> tensors, ModDescriptor descriptor) throws IOException {
    ModelOptions options = ModelOptions.defaults().withThreads(2).withAdapter(write(tensors, descriptor));
    int[] tokens = base.tokens(30, 1);
    int vocabulary = base.config().vocabulary();
    Function<String, double[][]> merged = merged(base, tensors);
    List<ModelOptions> modes = List.of(
        options.withExact(true), options.withLowRank(LowRank.MERGED), options.withLowRank(LowRank.BESIDE));
    for (ModelOptions mode : modes) {
      boolean exact = mode.exact();
      UnaryOperator<double[]> held = exact ? UnaryOperator.identity() : Reference::halves;
      Reference.Result expected =
          new Reference(base.config(), descriptor, merged, UnaryOperator.identity(), held).run(tokens);
      // A key or value on the edge between two half floats may fall to another side than the reference's.
      double bound = exact ? 1e-10 : 1e-7;
      try (Model model = base.open(mode); Session session = model.newSession();
          Session single = model.newSession()) {
        Logits.assertClose(expected.logits(), Logits.prefill(session, vocabulary, tokens), bound);
        Logits.assertClose(expected.logits(), Logits.decode(single, vocabulary, tokens), bound);
        assertArrayEquals(expected.computed()[1], session.computedPositions(1));
        assertArrayEquals(expected.computed()[1], single.computedPositions(1));
        assertEquals(Optional.of(descriptor), model.mod());
        assertTrue(expected.computed()[1].length < tokens.length, "no token is skipped");
      }
    }
  }

  /** The matrix keeps its type, and its update is read with it. */
  @ParameterizedTest
  @EnumSource(names = {"Q4_0", "Q8_0", "Q6_K", "F16"})
  void updatesOfEveryKindOfMatrix(DType type) throws IOException {
    TinyModel base = TinyModel.dense(TinyModel.EVEN, type, 1);
    List<Tensor> tensors = tensors(base, List.of("attn_q", "attn_output", "ffn_down"));
    ModelOptions options =
        ModelOptions.defaults().withThreads(1).withAdapter(write(tensors)).withLowRank(LowRank.BESIDE);
    int[] tokens = base.tokens(40, 1);
    int vocabulary = base.config().vocabulary();
    try (Model exact = base.open(options.withExact(true)); Model fast = base.open(options); Model plain = base.fast();
        Session e = exact.newSession(SessionOptions.defaults().withRouting(Routing.dense()));
        Session f = fast.newSession(SessionOptions.defaults().withRouting(Routing.dense()))) {
      float[][] expected = Logits.prefill(e, vocabulary, tokens);
      Logits.assertClose(expected, Logits.prefill(f, vocabulary, tokens), 1e-4);
      f.reset();
      Logits.assertClose(expected, Logits.decode(f, vocabulary, tokens), 1e-3);
      // Factors of 256 columns and of 256 rows, two of these of half floats, for 3 matrices in 3 blocks; and one router.
      long factors = 3 * 256L * RANK * (3 * 4 + 2 + 2 + 4);
      assertEquals(plain.weightBytes() + factors + 4 * 256 + 4, fast.weightBytes());
    }
  }

  /** In a file of their own, so that models with and without an adapter share the other. */
  @Test
  void packedUpdatesAreCached() throws IOException {
    Path model = ChainModel.write(directory.resolve("model.gguf"), "abc");
    Path cache = directory.resolve("cache");
    Random random = new Random(7);
    Path adapter = write(updates(random), descriptor(Bypass.LOWRANK));
    float[] first = firstLogits(model, cache, adapter);
    assertEquals(2, files(cache));
    assertArrayEquals(first, firstLogits(model, cache, adapter));
    assertEquals(2, files(cache));
    write(updates(random), descriptor(Bypass.LOWRANK));
    assertFalse(Arrays.equals(first, firstLogits(model, cache, adapter)));
    assertEquals(3, files(cache));
  }

  /** Of the first block's queries and down projection, in {@link ChainModel}'s shapes. */
  private static List<Tensor> updates(Random random) {
    List<Tensor> updates = new ArrayList<>(bypass(64, 20, random));
    updates.addAll(List.of(RandomTensors.matrix("blk.1.mod_router.weight", DType.F32, 1, 64, 1, random),
        RandomTensors.matrix("blk.0.attn_q.lora_a", DType.F32, RANK, 64, 1, random),
        RandomTensors.matrix("blk.0.attn_q.lora_b", DType.F16, 64, RANK, 1, random),
        RandomTensors.matrix("blk.0.ffn_down.lora_a", DType.F16, RANK, 32, 1, random),
        RandomTensors.matrix("blk.0.ffn_down.lora_b", DType.F32, 64, RANK, 1, random)));
    return updates;
  }

  private static float[] firstLogits(Path model, Path cache, Path adapter) throws IOException {
    ModelOptions options = ModelOptions.defaults().withThreads(1).withCache(cache).withAdapter(adapter);
    try (Model opened = Model.open(model, options); Session session = opened.newSession()) {
      return session.prefill(new int[] {'a', 'b', 'c'}).clone();
    }
  }

  private static long files(Path cache) throws IOException {
    try (Stream<Path> files = Files.list(cache)) {
      return files.count();
    }
  }

  /** Query and key rows of llama models are in another order at Hugging Face: no update must meet the wrong rows. */
  @Test
  void updatesOfRowsInAnotherOrderAreRefused() throws IOException {
    TinyModel base = TinyModel.dense(TinyModel.HALVES, 1);
    compare(base, List.of("attn_v", "attn_output", "ffn_down"));
    for (String name : List.of("attn_q", "attn_k")) {
      ModelOptions options = ModelOptions.defaults().withThreads(1).withAdapter(write(tensors(base, List.of(name))));
      assertThrows(UnsupportedModelException.class, () -> base.open(options));
    }
  }

  @Test
  void anAdapterOfAnotherModelIsRefused() throws IOException {
    TinyModel other = TinyModel.dense(TinyModel.HALVES, 1);
    Path file = write(tensors(other, List.of("attn_q")));
    TinyModel base = TinyModel.dense(TinyModel.SMALL, 1);
    LoadException e =
        assertThrows(LoadException.class, () -> base.open(ModelOptions.defaults().withThreads(1).withAdapter(file)));
    assertTrue(e.getMessage().contains(file.getFileName().toString()), e::getMessage);
  }

  private static ModDescriptor descriptor(Bypass bypass) {
    ModDescriptor mod = ModDescriptor.linear(List.of(1), ModDescriptor.Combine.HARD);
    return new ModDescriptor(mod.blocks(), mod.part(), mod.unit(), mod.router(), mod.selection().withInitialTokens(2),
        mod.combine(), mod.positions(), mod.skippedKv(), bypass, 0);
  }

  /** A router for block 1, and factors for the updated matrices of every block: second ones of half floats or floats. */
  static List<Tensor> tensors(TinyModel base, List<String> updated) {
    Random random = new Random(5);
    List<Tensor> tensors = new ArrayList<>();
    int d = base.config().embedding();
    tensors.add(RandomTensors.matrix("blk.1.mod_router.weight", DType.F32, 1, d, 1 / Math.sqrt(d), random));
    for (int b = 0; b < base.config().blocks(); b++) {
      for (String name : updated) {
        Tensor w = base.tensors().get("blk." + b + "." + name + ".weight");
        String prefix = "blk." + b + "." + name;
        double deviation = 1 / Math.sqrt(w.columns());
        tensors.add(RandomTensors.matrix(prefix + ".lora_a", DType.F32, RANK, w.columns(), deviation, random));
        DType type = name.startsWith("attn") ? DType.F16 : DType.F32;
        tensors.add(RandomTensors.matrix(prefix + ".lora_b", type, (int) w.rows(), RANK, 0.5, random));
      }
    }
    return tensors;
  }

  /** The base's matrices with the updates added. */
  private static Function<String, double[][]> merged(TinyModel base, List<Tensor> adapter) {
    Map<String, Tensor> all = new HashMap<>(base.tensors());
    adapter.forEach(t -> all.put(t.name(), t));
    Map<String, double[][]> matrices = new HashMap<>();
    all.keySet().forEach(name -> matrices.put(name, Reference.matrix(all, name)));
    for (Tensor t : adapter) {
      if (t.name().endsWith(".lora_a")) {
        String name = t.name().substring(0, t.name().length() - ".lora_a".length());
        double[][] a = matrices.get(name + ".lora_a");
        double[][] b = matrices.get(name + ".lora_b");
        double[][] w = matrices.get(name + ".weight");
        for (int i = 0; i < w.length; i++) {
          for (int j = 0; j < w[i].length; j++) {
            for (int r = 0; r < RANK; r++) {
              w[i][j] += SCALE * b[i][r] * a[r][j];
            }
          }
        }
      }
    }
    return matrices::get;
  }

  private Path write(List<Tensor> tensors) throws IOException {
    return write(tensors, descriptor(Bypass.NONE));
  }

  private Path write(List<Tensor> tensors, ModDescriptor descriptor) throws IOException {
    return Safetensors.write(directory.resolve("adapter.safetensors"), """
        {"version": 1, "blocks": [1], "router": "linear", "selection": "threshold", "threshold": 0.5, "combine": "x+f",
        "initial_tokens": 2, "bypass": "%s", "lora": {"rank": %d, "scale": %s}}"""
        .formatted(descriptor.bypass().name().toLowerCase(Locale.ROOT), RANK, SCALE), name -> name, tensors);
  }
}
