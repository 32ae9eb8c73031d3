package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** GGUF to GGUF, adapters, refusals; see {@link HuggingFaceConversionTest} for Hugging Face directories. */
class GgufConversionTest {
  @TempDir
  private Path directory;
  private Path source;
  private Path out;

  @BeforeEach
  void name() {
    source = directory.resolve("source.gguf");
    out = directory.resolve("out.gguf");
  }

  private static GgufFile parse(Path file) throws IOException {
    return GgufFile.parse(file, MemorySegment.ofArray(Files.readAllBytes(file)));
  }

  private GgufFile convert(Path adapter, DType type) throws IOException {
    List<Long> progress = new ArrayList<>();
    try (GgufConversion conversion = GgufConversion.open(source, Optional.ofNullable(adapter), Optional.ofNullable(type))) {
      conversion.write(out, progress::add);
      assertEquals(conversion.bytes(), Files.size(out));
      assertEquals(conversion.bytes(), progress.getLast());
      assertEquals(List.of(), conversion.notes());
      assertEquals(conversion.tensors(), parse(out).tensors().size());
    }
    Checkpoint.open(out).close();
    return parse(out);
  }

  private static GgufWriter routed() {
    return TinyModel.gguf("llama").put("general.file_type", GgufType.UINT32, 0).put("a.u16", GgufType.UINT16, 7)
        .putArray("a.list", GgufType.INT8, List.of(-1, 1)).put("mod.version", 1).put("mod.blocks", List.of(1))
        .put("mod.router", "linear").put("mod.selection", "threshold").put("mod.threshold", 0.35).put("mod.combine", "x + f")
        .tensor("blk.1.mod_router.weight", new float[32], 1, 32).tensor("blk.1.mod_router.bias", new float[1], 1);
  }

  @Test
  void keepsWhatAGgufFileSays() throws IOException {
    routed().alignment(64).write(source);
    convert(null, null);
    assertEquals(-1, Files.mismatch(source, out));
    byte[] first = Files.readAllBytes(out);
    convert(null, DType.Q4_0);
    convert(null, null);
    assertArrayEquals(first, Files.readAllBytes(out));
  }

  @Test
  void joinsTheParts() throws IOException {
    List<Tensor> tensors = List.copyOf(parse(routed()).tensors().values());
    source = directory.resolve("x-00001-of-00002.gguf");
    GgufWriter[] parts = {TinyModel.metadata("llama"), new GgufWriter()};
    for (int part = 0; part < 2; part++) {
      parts[part].put("split.no", GgufType.UINT16, part).put("split.count", GgufType.UINT16, 2)
          .put("split.tensors.count", GgufType.INT32, 20);
      tensors.subList(10 * part, 10 * part + 10).forEach(parts[part]::tensor);
      parts[part].write(directory.resolve("x-0000" + (part + 1) + "-of-00002.gguf"));
    }
    GgufFile whole = convert(null, null);
    assertFalse(whole.metadata().keySet().stream().anyMatch(key -> key.startsWith("split.")));
    assertEquals(TinyModel.shapes("llama").keySet(), whole.tensors().keySet());
    for (String part : List.of("x-00001-of-00002.gguf", "x-00002-of-00002.gguf")) {
      assertNotWritten("is part of what is converted", directory.resolve(part));
    }
  }

  private static GgufFile parse(GgufWriter writer) {
    return GgufFile.parse("x", MemorySegment.ofArray(writer.toBytes()));
  }

  static Set<DType> types() {
    return GgufConversion.types();
  }

  @ParameterizedTest
  @MethodSource("types")
  void changesTheTypeOfMatrices(DType type) throws IOException {
    routed().write(source);
    GgufFile before = parse(source);
    GgufFile after = convert(null, type);
    before.tensors().forEach((name, tensor) -> {
      Tensor converted = after.tensors().get(name);
      boolean matrix = tensor.shape().size() > 1 && !name.contains("mod_");
      assertEquals(matrix ? type : DType.F32, converted.type(), name);
      assertEquals(tensor.shape(), converted.shape());
      float[] values = tensor.toFloats();
      byte[] expected = new byte[(int) converted.data().byteSize()];
      Quantizer.quantize(converted.type(), values, values.length, expected, 0);
      assertEquals(-1, converted.data().mismatch(MemorySegment.ofArray(expected)), name);
    });
    Map<DType, Long> fileTypes = Map.of(
        DType.F32, 0L, DType.F16, 1L, DType.Q4_0, 2L, DType.Q4_1, 3L, DType.Q8_0, 7L, DType.BF16, 32L);
    assertEquals(fileTypes.get(type), after.metadata().get("general.file_type"));
    assertEquals(type.blockSize() > 1, after.metadata().containsKey("general.quantization_version"));
    before.encoded().forEach((key, value) -> {
      if (!key.equals("general.file_type")) {
        assertEquals(-1, value.mismatch(after.encoded().get(key)), key);
      }
    });
  }

  /** Small vectors become F32, and rows that are no whole blocks F16. */
  @Test
  void exceptions() throws IOException {
    GgufWriter writer = routed().put("llama.feed_forward_length", 48)
        .tensor("blk.0.attn_norm.weight", DType.F16, new byte[64], 32);
    for (int block = 0; block < 2; block++) {
      String prefix = "blk." + block + ".ffn_";
      writer.tensor(prefix + "gate.weight", new float[48 * 32], 48, 32).tensor(prefix + "up.weight", new float[48 * 32], 48, 32)
          .tensor(prefix + "down.weight", new float[32 * 48], 32, 48);
    }
    writer.write(source);
    GgufFile after = convert(null, DType.Q8_0);
    assertEquals(DType.F16, after.tensors().get("blk.0.ffn_down.weight").type());
    assertEquals(DType.Q8_0, after.tensors().get("blk.0.ffn_up.weight").type());
    assertEquals(DType.F32, after.tensors().get("blk.0.attn_norm.weight").type());
    assertEquals(DType.F16, convert(null, null).tensors().get("blk.0.attn_norm.weight").type());
  }

  @Test
  void aVocabularyWithoutModel() throws IOException {
    new GgufWriter().put("general.architecture", "none").put("x", 1).write(source);
    convert(null, DType.Q8_0);
    assertEquals(-1, Files.mismatch(source, out));
  }

  private static SafetensorsWriter adapter(String more) {
    float[] a = new float[2 * 32];
    float[] b = new float[64 * 2];
    for (int i = 0; i < 64; i++) {
      a[i] = (float) Math.sin(i);
      b[2 * i] = 0.5f * i;
      b[2 * i + 1] = 1;
    }
    return new SafetensorsWriter().metadata("format", "pt").metadata("mod", """
        {"version": 1, "blocks": [1], "capacity": 1, "router": "linear", "selection": "threshold", "threshold": 0.35,
        "combine": "x+f", "shared_router": false, "lora": {"rank": 2, "scale": 1.5}%s}"""
            .replace("\n", " ").formatted(more.replace('\'', '"')))
        .tensor("blk.1.mod_router.weight", DType.F16, new float[32], 1, 32)
        .tensor("blk.0.ffn_up.lora_a", DType.F16, a, 2, 32)
        .tensor("blk.0.ffn_up.lora_b", DType.BF16, b, 64, 2);
  }

  private Path adapterFile() throws IOException {
    Path file = directory.resolve("adapter.safetensors");
    adapter(", 'note': 'n', 'base_sha256': '" + "0".repeat(64) + "'").write(file);
    return file;
  }

  private Path bypassFile() throws IOException {
    Path file = directory.resolve("bypass.safetensors");
    adapter(", 'bypass': 'lowrank'")
        .tensor("blk.1.mod_bypass_a.weight", DType.F16, counted(3 * 32), 3, 32)
        .tensor("blk.1.mod_bypass_b.weight", DType.BF16, counted(32 * 3), 32, 3).write(file);
    return file;
  }

  private static float[] counted(int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = i;
    }
    return values;
  }

  @Test
  void anAdapterBecomesAGgufFile() throws IOException {
    Path file = adapterFile();
    convertAdapter(file);
    GgufFile written = parse(out);
    assertEquals("adapter", written.metadata().get("general.type"));
    assertEquals(Map.of("mod.version", GgufType.UINT32, "mod.capacity", GgufType.FLOAT32, "mod.threshold", GgufType.FLOAT64,
        "mod.combine", GgufType.STRING, "mod.blocks", GgufType.ARRAY, "mod.shared_router", GgufType.BOOL, "mod.lora.rank",
        GgufType.UINT32, "mod.lora.scale", GgufType.FLOAT32), typesOf(written, "mod.version", "mod.capacity",
            "mod.threshold", "mod.combine", "mod.blocks", "mod.shared_router", "mod.lora.rank", "mod.lora.scale"));
    try (Adapter before = Adapter.open(file); Adapter after = Adapter.open(out)) {
      assertEquals(before.descriptor(), after.descriptor());
      assertEquals(before.loraScale(), after.loraScale());
      assertEquals(before.baseSha256(), after.baseSha256());
      assertEquals(before.tensors().keySet(), after.tensors().keySet());
      before.tensors().forEach((name, tensor) -> {
        assertEquals(tensor.type(), after.tensors().get(name).type());
        assertEquals(-1, tensor.data().mismatch(after.tensors().get(name).data()), name);
      });
    }
    Path first = Files.move(out, directory.resolve("adapter.gguf"));
    convertAdapter(first);
    assertEquals(-1, Files.mismatch(first, out));
  }

  private void convertAdapter(Path file) throws IOException {
    try (GgufConversion conversion = GgufConversion.open(file, Optional.empty(), Optional.empty())) {
      conversion.write(out, done -> {});
    }
  }

  private static Map<String, GgufType> typesOf(GgufFile file, String... keys) {
    return Stream.of(keys).collect(Collectors.toMap(key -> key,
        key -> GgufType.read(new ByteCursor("x", file.encoded().get(key), 4), key)));
  }

  @Test
  void anAdapterIsMerged() throws IOException {
    TinyModel.gguf("llama").write(source);
    Tensor w = parse(source).tensors().get("blk.0.ffn_up.weight");
    GgufFile merged = convert(adapterFile(), null);
    float[] expected = w.toFloats();
    try (Adapter adapter = Adapter.open(adapterFile())) {
      float[] a = adapter.tensors().get("blk.0.ffn_up.lora_a").toFloats();
      float[] b = adapter.tensors().get("blk.0.ffn_up.lora_b").toFloats();
      for (int i = 0; i < expected.length; i++) {
        float sum = Math.fma(b[i / 32 * 2 + 1], a[32 + i % 32], b[i / 32 * 2] * a[i % 32]);
        expected[i] += 1.5f * sum;
      }
      assertArrayEquals(expected, merged.tensors().get("blk.0.ffn_up.weight").toFloats());
      assertEquals(adapter.descriptor().blocks(), List.of(1));
    }
    assertEquals(DType.F32, merged.tensors().get("blk.1.mod_router.weight").type());
    assertFalse(merged.tensors().containsKey("blk.0.ffn_up.lora_a"));
    assertEquals("n", merged.metadata().get("mod.note"));
    assertEquals(0.35, merged.metadata().get("mod.threshold"));
    for (String key : List.of("mod.lora.rank", "mod.lora.scale", "mod.base_sha256")) {
      assertFalse(merged.metadata().containsKey(key), key);
    }
    GgufFile quantised = convert(adapterFile(), DType.Q8_0);
    byte[] blocks = new byte[(int) DType.Q8_0.bytes(expected.length)];
    Quantizer.quantize(DType.Q8_0, expected, expected.length, blocks, 0);
    assertEquals(-1, quantised.tensors().get("blk.0.ffn_up.weight").data().mismatch(MemorySegment.ofArray(blocks)));
  }

  /** The bypass keeps its type and values, whatever becomes of the matrices. */
  @Test
  void aBypassGoesAlong() throws IOException {
    TinyModel.gguf("llama").write(source);
    for (DType type : new DType[] {null, DType.Q8_0}) {
      GgufFile merged = convert(bypassFile(), type);
      assertEquals("lowrank", merged.metadata().get("mod.bypass"));
      assertEquals(DType.F16, merged.tensors().get("blk.1.mod_bypass_a.weight").type());
      assertEquals(DType.BF16, merged.tensors().get("blk.1.mod_bypass_b.weight").type());
      assertArrayEquals(counted(96), merged.tensors().get("blk.1.mod_bypass_a.weight").toFloats());
      assertArrayEquals(counted(96), merged.tensors().get("blk.1.mod_bypass_b.weight").toFloats());
    }
    Files.move(out, source, StandardCopyOption.REPLACE_EXISTING);
    GgufFile again = convert(null, DType.F16);
    assertEquals(DType.BF16, again.tensors().get("blk.1.mod_bypass_b.weight").type());
    convertAdapter(bypassFile());
    try (Adapter before = Adapter.open(bypassFile()); Adapter after = Adapter.open(out)) {
      assertEquals(before.descriptor(), after.descriptor());
      assertEquals(before.tensors().keySet(), after.tensors().keySet());
    }
  }

  /** A merged matrix keeps its type where that can be made; the others are as they were. */
  @Test
  void mergedMatricesKeepTypes() throws IOException {
    TinyModel.gguf("llama").tensor("blk.0.ffn_up.weight", DType.Q4_1, new byte[64 * 20], 64, 32)
        .tensor("blk.1.ffn_up.weight", DType.Q5_0, new byte[64 * 22], 64, 32).write(source);
    GgufFile merged = convert(adapterFile(), null);
    assertEquals(DType.Q4_1, merged.tensors().get("blk.0.ffn_up.weight").type());
    assertEquals(DType.Q5_0, merged.tensors().get("blk.1.ffn_up.weight").type());
    TinyModel.gguf("llama").tensor("blk.0.ffn_up.weight", DType.Q5_0, new byte[64 * 22], 64, 32).write(source);
    merged = convert(adapterFile(), null);
    assertEquals(DType.F16, merged.tensors().get("blk.0.ffn_up.weight").type());
    assertFalse(merged.metadata().containsKey("general.file_type"));
  }

  @Test
  void combinationsThatAreRefused() throws IOException {
    Path adapter = adapterFile();
    routed().write(source);
    assertUnsupported("source.gguf", "is a Mixture-of-Depths model", () -> convert(adapter, null));
    assertThrows(IllegalArgumentException.class, () -> convert(null, DType.Q6_K));
    source = adapter;
    assertThrows(IllegalArgumentException.class, () -> convert(null, DType.F16));
    assertThrows(IllegalArgumentException.class, () -> convert(adapter, null));
  }

  private void assertNotWritten(String problem, Path file) throws IOException {
    List<Path> before = list();
    try (GgufConversion conversion = GgufConversion.open(source, Optional.empty(), Optional.empty())) {
      FileSystemException e = assertThrows(FileSystemException.class, () -> conversion.write(file, done -> {}));
      assertTrue(e.getMessage().contains(problem), e.getMessage());
      assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
    }
    assertEquals(before, list());
  }

  private List<Path> list() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.sorted().toList();
    }
  }

  @Test
  void placesThatCannotBeWritten() throws IOException {
    routed().write(source);
    assertNotWritten("is part of what is converted", source);
    Path link = Files.createSymbolicLink(directory.resolve("link.gguf"), source);
    assertNotWritten("is part of what is converted", link);
    assertNotWritten("is no regular file", Files.createDirectory(directory.resolve("d")));
    try (GgufConversion conversion = GgufConversion.open(source, Optional.empty(), Optional.empty())) {
      Path missing = directory.resolve("missing");
      assertEquals(missing.toString(),
          assertThrows(NoSuchFileException.class, () -> conversion.write(missing.resolve("x"), done -> {})).getFile());
    }
    Path adapter = adapterFile();
    TinyModel.gguf("llama").write(source);
    try (GgufConversion conversion = GgufConversion.open(source, Optional.of(adapter), Optional.empty())) {
      assertThrows(FileSystemException.class, () -> conversion.write(adapter, done -> {}));
    }
  }

  /** What was there stays, and nothing else is left. */
  @Test
  void aFailureLeavesNothing() throws IOException {
    float[] values = new float[64 * 32];
    values[70] = Float.NaN;
    routed().tensor("blk.1.ffn_up.weight", values, 64, 32).write(source);
    Files.writeString(out, "before");
    assertMalformed("source.gguf: tensor blk.1.ffn_up.weight", "holds NaN, which cannot be quantised",
        () -> convert(null, DType.Q8_0));
    assertEquals("before", Files.readString(out));
    assertEquals(List.of(out, source), list());
    try (GgufConversion conversion = GgufConversion.open(source, Optional.empty(), Optional.empty())) {
      IllegalStateException e = assertThrows(IllegalStateException.class, () -> conversion.write(out, done -> {
        throw new IllegalStateException("stop");
      }));
      assertEquals("stop", e.getMessage());
    }
    assertEquals(List.of(out, source), list());
  }
}
