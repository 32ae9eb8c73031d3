package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.Calibration.Row;
import dev.depths.loader.ModDescriptor.Rule;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CalibrationTest {
  /** 0.1 is no f32, and the scores of capacity 0.25 are far out on the sigmoid. */
  private static final Calibration CALIBRATION = new Calibration(Rule.THRESHOLD, List.of(
      new Row(0.25, List.of(0.999999999, 0.999999999), 0.26, 0.5, 40, 1.25),
      new Row(0.5, List.of(0.1, 0.1), 0.5, 0.75, 30, 0.5),
      new Row(1, List.of(0.0, 0.0), 1, 1, 20, 0)), 20, 510, "text.txt");

  @TempDir
  private Path directory;

  private static SafetensorsWriter adapter(String calibration) {
    return new SafetensorsWriter().metadata("mod", """
        {"version": 1, "blocks": [0, 1], "router": "linear", "selection": "threshold", "combine": "x+f", "threshold": 0.35%s}"""
        .formatted(calibration.isEmpty() ? "" : ", \"calibration\": {" + calibration.replace('\'', '"') + "}"))
        .tensor("blk.0.mod_router.weight", DType.F32, new float[32], 1, 32)
        .tensor("blk.1.mod_router.weight", DType.F32, new float[32], 1, 32);
  }

  private static Calibration parse(String calibration) {
    return Adapter.parse("a.safetensors", MemorySegment.ofArray(adapter(calibration).toBytes())).calibration().orElseThrow();
  }

  private static String table(String capacity, String threshold, String run, String kl) {
    return "'selection': 'predictor', 'capacity': [" + capacity + "], 'threshold': [" + threshold + "], 'blocks_run': [" + run
        + "], 'bytes_read': [0.5, 1], 'perplexity': [30, 20], 'kl': [" + kl + "], 'dense_perplexity': 19.5, 'tokens': 7";
  }

  private Path written(Calibration calibration, Path source) throws IOException {
    Path out = directory.resolve("out");
    CalibrationWriter.write(source, calibration, out);
    return out;
  }

  @Test
  void isReadFromJson() {
    Calibration calibration = parse(table("0.5, 1", "0.75, 0", "0.4, 1", "0.5, 0"));
    assertEquals(new Calibration(Rule.PREDICTOR, List.of(new Row(0.5, List.of(0.75, 0.75), 0.4, 0.5, 30, 0.5),
        new Row(1, List.of(0.0, 0.0), 1, 1, 20, 0)), 19.5, 7, ""), calibration);
    assertEquals(List.of(0.5, 0.75),
        parse(table("0.5, 1", "0.5, 0.75, 0, 0.25", "0.4, 1", "0.5, 0")).rows().getFirst().thresholds());
    assertTrue(Adapter.parse("a", MemorySegment.ofArray(adapter("").toBytes())).calibration().isEmpty());
  }

  @Test
  void goesIntoAnAdapterInSafetensors() throws IOException {
    Path source = directory.resolve("a.safetensors");
    adapter("").write(source);
    byte[] before = Files.readAllBytes(source);
    Path out = written(CALIBRATION, source);
    assertTrue(Arrays.equals(before, Files.readAllBytes(source)));
    try (Adapter plain = Adapter.open(source); Adapter calibrated = Adapter.open(out)) {
      assertEquals(Optional.of(CALIBRATION), calibrated.calibration());
      assertEquals(plain.descriptor(), calibrated.descriptor());
      assertEquals(plain.tensors().keySet(), calibrated.tensors().keySet());
      assertEquals(0, calibrated.tensors().values().iterator().next().data().address() % 8);
    }
    // Once more, in place: the new one replaces the old one.
    Calibration other = new Calibration(Rule.PREDICTOR, CALIBRATION.rows().subList(1, 3), 21, 9, "");
    CalibrationWriter.write(out, other, out);
    try (Adapter again = Adapter.open(out)) {
      assertEquals(Optional.of(other), again.calibration());
    }
    try (Stream<Path> files = Files.list(directory)) {
      assertEquals(2, files.count());
    }
  }

  @Test
  void goesIntoAnAdapterInGguf() throws IOException {
    Path source = directory.resolve("a.safetensors");
    adapter(table("0.5, 1", "0.75, 0", "0.4, 1", "0.5, 0")).write(source);
    Path gguf = directory.resolve("a.gguf");
    try (GgufConversion conversion = GgufConversion.open(source, Optional.empty(), Optional.empty())) {
      conversion.write(gguf, done -> {});
    }
    try (Adapter safetensors = Adapter.open(source); Adapter converted = Adapter.open(gguf)) {
      assertEquals(safetensors.calibration(), converted.calibration());
    }
    try (Adapter calibrated = Adapter.open(written(CALIBRATION, gguf))) {
      assertEquals(Optional.of(CALIBRATION), calibrated.calibration());
    }
  }

  @Test
  void goesIntoAModel() throws IOException {
    Path source = directory.resolve("model.gguf");
    TinyModel.gguf("llama").put("mod.version", 1).put("mod.blocks", List.of(1)).put("mod.router", "linear")
        .put("mod.selection", "threshold").put("mod.combine", "x+f").tensor("blk.1.mod_router.weight", new float[32], 1, 32)
        .write(source);
    Calibration one = new Calibration(Rule.THRESHOLD, List.of(new Row(0.5, List.of(0.3), 0.5, 0.75, 30, 0.5)), 20, 8, "ä");
    try (Checkpoint plain = Checkpoint.open(source); Checkpoint calibrated = Checkpoint.open(written(one, source))) {
      assertTrue(plain.calibration().isEmpty());
      assertEquals(Optional.of(one), calibrated.calibration());
      assertEquals(plain.mod(), calibrated.mod());
      for (String name : plain.tensors().keySet()) {
        assertEquals(-1, plain.tensors().get(name).data().mismatch(calibrated.tensors().get(name).data()), name);
      }
    }
  }

  @Test
  void whatIsNoCalibrationOfTheModelIsRefused() {
    assertMalformed("mod.calibration.threshold", "has 3 values, expected 2, or 2 for each of 2 blocks",
        () -> parse(table("0.5, 1", "1, 1, 1", "0.4, 1", "0.5, 0")));
    assertMalformed("mod.calibration.blocks_run", "has 1 values, expected one for each of 2 capacities",
        () -> parse(table("0.5, 1", "0.5, 0", "0.4", "0.5, 0")));
    assertMalformed("mod.calibration.kl", "holds -0.5, expected numbers of at least 0.0",
        () -> parse(table("0.5, 1", "0.5, 0", "0.4, 1", "-0.5, 0")));
    assertMalformed("mod.calibration.capacity", "holds \"1\", expected numbers of at least 0.0 up to 1.0",
        () -> parse(table("0.5, '1'", "0.5, 0", "0.4, 1", "0.5, 0")));
    assertMalformed("mod.calibration: ", "rows are not in order: capacity 1.0",
        () -> parse(table("1, 0.5", "0, 0.5", "1, 0.4", "0.5, 0")));
    assertMalformed("mod.calibration: ", "rows are not in order",
        () -> parse(table("0.5, 1", "0, 0.5", "0.4, 1", "0.5, 0")));
    assertMalformed("mod.calibration.tokens", "is missing", () -> parse(table("0.5, 1", "0.5, 0", "0.4, 1", "0, 0")
        .replace(", 'tokens': 7", "")));
    assertUnsupported("mod.calibration.selection is \"topk\"", "[predictor, threshold]",
        () -> parse(table("0.5, 1", "0.5, 0", "0.4, 1", "0, 0").replace("predictor", "topk")));
    assertUnsupported("mod.calibration.colour", "is not a known property", () -> parse("'colour': 1"));
    assertMalformed("mod.version", "is missing", () -> ModReader.read(
        new Metadata("dense", Map.of("mod.calibration.tokens", 7L)), Set.of()));
  }

  @Test
  void numbersOutOfRangeAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> new Row(0.5, List.of(1.5), 0.5, 1, 20, 0));
    assertThrows(IllegalArgumentException.class, () -> new Row(0.5, List.of(0.5), Double.NaN, 1, 20, 0));
    assertThrows(IllegalArgumentException.class, () -> new Row(0.5, List.of(0.5), 0.5, 1, 0.5, 0));
    assertThrows(IllegalArgumentException.class, () -> new Calibration(Rule.TOPK, CALIBRATION.rows(), 20, 1, ""));
    assertThrows(IllegalArgumentException.class, () -> new Calibration(Rule.THRESHOLD, List.of(), 20, 1, ""));
  }

  @Test
  void whatCannotCarryOneIsRefused() throws IOException {
    assertUnsupported(directory.toString(), "not to a model of several files", () -> written(CALIBRATION, directory));
    Path weights = directory.resolve("weights.safetensors");
    new SafetensorsWriter().tensor("a", DType.F32, new float[2], 2).write(weights);
    assertUnsupported("weights.safetensors", "is no Mixture-of-Depths adapter", () -> written(CALIBRATION, weights));
  }
}
