package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.DType;
import dev.depths.loader.LoadException;
import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModelConfig.Rope;
import dev.depths.loader.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Low-rank updates that are merged into their matrices when a model opens. */
class LowRankTest {
  private static final List<String> ALL =
      List.of("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down");
  private static final TinyModel.Shape SHAPE =
      new TinyModel.Shape("llama", Rope.Layout.INTERLEAVED, 3, 256, 256, 4, 2, 64, ChainModel.VOCABULARY, false);
  private static final int[] TOKENS = {'d', 'e', 'p', 't', 'h', 's', 'd', 'e', 'p', 't', 'h', 's'};

  @TempDir
  private Path directory;

  private Path adapter(String name, List<Tensor> tensors, double scale) throws IOException {
    return adapter(name, tensors, ", \"lora\": {\"rank\": 3, \"scale\": %s}".formatted(scale));
  }

  private Path adapter(String name, List<Tensor> tensors, String more) throws IOException {
    return Safetensors.write(directory.resolve(name), """
        {"version": 1, "blocks": [1], "router": "linear", "selection": "threshold", "threshold": 0.5, "combine": "x+f",
        "initial_tokens": 2%s}""".formatted(more), n -> n, tensors);
  }

  private Path base(TinyModel model) throws IOException {
    return model.write(directory.resolve("base.gguf"));
  }

  /** What a run computes, and what it reads for it. */
  private record Run(float[][] prefill, float[][] decode, long weightBytes, long bytesRead) {
    static Run of(Path model, ModelOptions options) throws IOException {
      try (Model opened = Model.open(model, options.withThreads(2)); Session session = opened.newSession();
          Session single = opened.newSession()) {
        int vocabulary = opened.config().vocabulary();
        float[][] prefill = Logits.prefill(session, vocabulary, TOKENS);
        float[][] decode = Logits.decode(single, vocabulary, TOKENS);
        return new Run(prefill, decode, opened.weightBytes(), single.counters().weightBytesRead());
      }
    }

    void assertSame(Run other) {
      Conversions.assertSame(prefill, other.prefill);
      Conversions.assertSame(decode, other.decode);
      assertEquals(weightBytes, other.weightBytes);
      assertEquals(bytesRead, other.bytesRead);
    }
  }

  /** Bit for bit, in what is computed and in how much is read. */
  @ParameterizedTest
  @CsvSource({"F32, AUTO", "F16, AUTO", "BF16, AUTO", "Q8_0, AUTO", "Q8_0, MERGED", "Q4_0, MERGED", "Q4_1, MERGED"})
  void isWhatTheConvertedModelIs(DType type, LowRank lowRank) throws IOException {
    TinyModel model = TinyModel.dense(SHAPE, type, 1);
    Path adapter = adapter("adapter.safetensors", AdapterTest.tensors(model, ALL), 0.7);
    Path base = base(model);
    Path converted = directory.resolve("converted.gguf");
    Conversions.convert(base, adapter, null, converted);
    ModelOptions options = ModelOptions.defaults().withLowRank(lowRank);
    Run merged = Run.of(base, options.withAdapter(adapter));
    Run.of(converted, options).assertSame(merged);
    Run beside = Run.of(base, options.withAdapter(adapter).withLowRank(LowRank.BESIDE));
    assertTrue(merged.weightBytes < beside.weightBytes);
    assertTrue(merged.bytesRead < beside.bytesRead);
  }

  /** Types that would round the updates away, and those that are not made here. */
  @ParameterizedTest
  @CsvSource({"Q4_0, AUTO", "Q4_1, AUTO", "Q5_0, AUTO", "Q4_K, MERGED", "Q6_K, MERGED"})
  void leavesFactorsBesideOtherTypes(DType type, LowRank lowRank) throws IOException {
    TinyModel model = TinyModel.dense(SHAPE, type, 1);
    Path adapter = adapter("adapter.safetensors", AdapterTest.tensors(model, ALL), 0.7);
    Path base = base(model);
    ModelOptions options = ModelOptions.defaults().withAdapter(adapter);
    Run.of(base, options.withLowRank(LowRank.BESIDE)).assertSame(Run.of(base, options.withLowRank(lowRank)));
  }

  /** Of an adapter that works without them, updates are left out where they cannot be merged, in exact mode too. */
  @ParameterizedTest
  @CsvSource({"Q4_1, true, false", "Q6_K, true, false", "Q8_0, true, true", "F16, true, true", "Q4_1, false, true"})
  void leavesOptionalUpdatesOut(DType type, boolean optional, boolean updated) throws IOException {
    TinyModel model = TinyModel.dense(SHAPE, type, 1);
    List<Tensor> tensors = AdapterTest.tensors(model, ALL);
    Path adapter = adapter("adapter.safetensors", tensors,
        ", \"lora\": {\"rank\": 3, \"scale\": 0.7, \"optional\": %s}".formatted(optional));
    Path without = adapter("without.safetensors", tensors.stream().filter(t -> !t.name().contains("lora")).toList(), "");
    Path base = base(model);
    for (boolean exact : new boolean[] {false, true}) {
      ModelOptions options = ModelOptions.defaults().withExact(exact).withCache(directory.resolve("cache"));
      Run auto = Run.of(base, options.withAdapter(adapter));
      Run routersAlone = Run.of(base, options.withAdapter(without));
      Run.of(base, options.withAdapter(adapter).withLowRank(LowRank.NONE)).assertSame(routersAlone);
      if (updated) {
        assertFalse(Arrays.deepEquals(routersAlone.prefill, auto.prefill));
      } else {
        auto.assertSame(routersAlone);
      }
    }
  }

  /** Of matrices that share an input, each is as its own type says. */
  @Test
  void mixesTypes() throws IOException {
    TinyModel model = TinyModel.dense(SHAPE, DType.Q8_0, 1);
    Map<String, Tensor> tensors = new LinkedHashMap<>(model.tensors());
    Random random = new Random(2);
    tensors.replaceAll((name, t) -> name.endsWith("attn_k.weight") || name.endsWith("ffn_up.weight")
        ? RandomTensors.matrix(name, DType.Q6_K, (int) t.rows(), t.columns(), 0.1, random) : t);
    TinyModel mixed = new TinyModel(model.config(), tensors, model.mod());
    Path adapter = adapter("adapter.safetensors", AdapterTest.tensors(mixed, ALL), 0.1);
    Path base = base(mixed);
    ModelOptions options = ModelOptions.defaults().withAdapter(adapter);
    Run exact = Run.of(base, options.withExact(true));
    Run merged = Run.of(base, options);
    Logits.assertClose(exact.prefill, merged.prefill, 1e-3);
    Logits.assertClose(exact.decode, merged.decode, 1e-2);
    assertTrue(merged.weightBytes < Run.of(base, options.withLowRank(LowRank.BESIDE)).weightBytes);
  }

  /** By how much of the routed block is run, merged or beside, with a bypass and with keys and values of skipped tokens. */
  @ParameterizedTest
  @CsvSource({"Q8_0, AUTO, absent", "Q8_0, BESIDE, absent", "Q4_0, AUTO, projected", "F16, AUTO, projected"})
  void readsWhatIsExpected(DType type, LowRank lowRank, String skippedKv) throws IOException {
    TinyModel model = TinyModel.dense(SHAPE, type, 1);
    List<Tensor> tensors = new ArrayList<>(AdapterTest.tensors(model, ALL));
    tensors.add(RandomTensors.matrix("blk.1.mod_bypass_a.weight", DType.F16, 20, 256, 0.1, new Random(1)));
    tensors.add(RandomTensors.matrix("blk.1.mod_bypass_b.weight", DType.F16, 256, 20, 0.1, new Random(2)));
    Path adapter = Safetensors.write(directory.resolve("adapter.safetensors"), """
        {"version": 1, "blocks": [1], "router": "linear", "selection": "threshold", "threshold": 0.5, "combine": "x+f",
        "bypass": "lowrank", "skipped_kv": "%s", "lora": {"rank": 3, "scale": 0.7}}""".formatted(skippedKv), n -> n, tensors);
    Path base = base(model);
    ModelOptions options = ModelOptions.defaults().withThreads(1);
    try (Model dense = Model.open(base, options);
        Model opened = Model.open(base, options.withAdapter(adapter).withLowRank(lowRank));
        Session session = opened.newSession()) {
      Logits.decode(session, opened.config().vocabulary(), TOKENS);
      Counters counters = session.counters();
      long computed = counters.routed().getFirst().tokensComputed();
      assertTrue(computed > 0 && computed < TOKENS.length, () -> "computes " + computed + " tokens");
      ReadShare share = ReadShare.of(opened.weights(), ModDescriptor.Part.BLOCK);
      assertEquals(dense.weightBytes(), share.dense());
      // With the embedding's row, and without the last norm, which is not counted.
      double expected =
          share.at((double) computed / TOKENS.length) * dense.weightBytes() + type.bytes(256) - Float.BYTES * 256;
      assertEquals(expected, (double) counters.weightBytesRead() / TOKENS.length, 1e-6);
    }
  }

  /** In exact mode the sums are in f32 whatever the types, and so the same. */
  @Test
  void makesNoDifferenceInExactMode() throws IOException {
    TinyModel model = TinyModel.dense(SHAPE, DType.Q8_0, 1);
    Path base = base(model);
    ModelOptions options = ModelOptions.defaults().withExact(true)
        .withAdapter(adapter("adapter.safetensors", AdapterTest.tensors(model, ALL), 0.7));
    Run merged = Run.of(base, options.withLowRank(LowRank.MERGED));
    Run.of(base, options.withLowRank(LowRank.BESIDE)).assertSame(merged);
  }

  /** No scale of a block holds it. */
  @Test
  void refusesSumsThatAreNoNumbers() throws IOException {
    TinyModel model = TinyModel.dense(SHAPE, DType.Q8_0, 1);
    Path base = base(model);
    ModelOptions options = ModelOptions.defaults().withThreads(2).withAdapter(adapter("adapter.safetensors", List.of(
        RandomTensors.matrix("blk.1.mod_router.weight", DType.F32, 1, 256, 1, new Random(1)),
        RandomTensors.matrix("blk.0.ffn_up.lora_a", DType.F32, 3, 256, 1e38, new Random(2)),
        RandomTensors.matrix("blk.0.ffn_up.lora_b", DType.F32, 256, 3, 1e38, new Random(3))), 0.7));
    LoadException e = assertThrows(LoadException.class, () -> Model.open(base, options));
    assertTrue(e.getMessage().contains("blk.0.ffn_up"), e::getMessage);
  }

  /** Neither dense runs, nor other adapters, scales or modes get what was merged; and a second start merges nothing. */
  @Test
  void isCachedByModelAndAdapter() throws IOException {
    TinyModel model = TinyModel.dense(SHAPE, DType.Q8_0, 1);
    Path base = base(model);
    List<Tensor> tensors = AdapterTest.tensors(model, ALL);
    Path adapter = adapter("a.safetensors", tensors, 0.7);
    ModelOptions uncached = ModelOptions.defaults();
    Path cache = directory.resolve("cache");
    ModelOptions plain = uncached.withCache(cache);
    ModelOptions options = plain.withAdapter(adapter);

    Run merged = Run.of(base, options);
    merged.assertSame(Run.of(base, uncached.withAdapter(adapter)));
    Set<Object> files = files(cache);
    assertEquals(2, files.size());
    merged.assertSame(Run.of(base, options));
    assertEquals(files, files(cache), "a file was written anew");

    Run dense = Run.of(base, plain);
    dense.assertSame(Run.of(base, uncached));
    files = files(cache);
    assertEquals(2, files.size());
    merged.assertSame(Run.of(base, options));
    dense.assertSame(Run.of(base, plain));
    assertEquals(files, files(cache), "a file was written anew");

    Path scaled = adapter("b.safetensors", tensors, 0.71);
    Files.setLastModifiedTime(scaled, Files.getLastModifiedTime(adapter));
    Run.of(base, plain.withAdapter(scaled)).assertSame(Run.of(base, uncached.withAdapter(scaled)));
    assertEquals(3, files(cache).size());

    // One element of one factor, which no sample has.
    List<Tensor> changed = new ArrayList<>(tensors);
    changed.replaceAll(t -> t.name().equals("blk.2.ffn_up.lora_b") ? withFirstElement(t, 0.5f) : t);
    Path other = adapter("c.safetensors", changed, 0.7);
    Files.setLastModifiedTime(other, Files.getLastModifiedTime(adapter));
    Run otherRun = Run.of(base, plain.withAdapter(other));
    otherRun.assertSame(Run.of(base, uncached.withAdapter(other)));
    assertFalse(Arrays.deepEquals(merged.prefill, otherRun.prefill));
    assertEquals(4, files(cache).size());

    ModelOptions beside = options.withLowRank(LowRank.BESIDE);
    Run.of(base, beside).assertSame(Run.of(base, uncached.withAdapter(adapter).withLowRank(LowRank.BESIDE)));
    assertEquals(5, files(cache).size());
    merged.assertSame(Run.of(base, options));

    // The same adapter elsewhere, and touched, is the same.
    Path moved = adapter("d.safetensors", tensors, 0.7);
    merged.assertSame(Run.of(base, plain.withAdapter(moved)));
    assertEquals(5, files(cache).size());
  }

  private static Tensor withFirstElement(Tensor t, float x) {
    float[] elements = t.toFloats();
    elements[0] = x;
    return RandomTensors.f32(t.name(), elements, t.rows(), t.columns());
  }

  /** What tells files apart from others of their names. */
  private static Set<Object> files(Path cache) throws IOException {
    Set<Object> keys = new TreeSet<>();
    try (Stream<Path> files = Files.list(cache)) {
      for (Path file : files.toList()) {
        keys.add(file.getFileName() + " " + Files.readAttributes(file, BasicFileAttributes.class).fileKey());
      }
    }
    return keys;
  }

  @Test
  void optionsKeepIt() {
    ModelOptions options = ModelOptions.defaults().withLowRank(LowRank.BESIDE);
    assertEquals(LowRank.AUTO, ModelOptions.defaults().lowRank());
    for (ModelOptions o : List.of(options.withThreads(1), options.withExact(true), options.withAdapter(directory),
        options.withCache(directory))) {
      assertEquals(LowRank.BESIDE, o.lowRank());
    }
    assertArrayEquals(new LowRank[] {LowRank.AUTO, LowRank.MERGED, LowRank.BESIDE, LowRank.NONE}, LowRank.values());
  }
}
