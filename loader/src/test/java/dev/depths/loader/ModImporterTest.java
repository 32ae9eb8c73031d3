package dev.depths.loader;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What all importers have in common: whatever is wrong with a directory, it is opened or refused by its name. */
class ModImporterTest {
  private static final List<String> VALUES =
      List.of("null", "-1", "0", "1", "3", "9999999999", "0.5", "-1e300", "1e300", "true", "\"x\"", "[]", "[1]", "[true]",
          "[1, 1]", "[null]", "{\"x\": 1}");

  @TempDir Path directory;

  static Stream<Supplier<SourceModel>> models() {
    return Stream.of(MixtureOfDepthImporterTest::model, OharaImporterTest::model, SkipGptImporterTest::model,
        SkipGptImporterTest::oneLayer, DllmImporterTest::model, RouterTuningImporterTest::model,
        RouterTuningImporterTest::routers, GammaModImporterTest::model, SramshettyImporterTest::model,
        LlmBaselinesImporterTest::model, PmodImporterTest::model);
  }

  /** A descriptor's keys as {@link ModDescriptor#keys()} gives them, from JSON. */
  static Map<String, Object> keys(String json) {
    Map<String, Object> keys = new LinkedHashMap<>();
    // Which has int for the counts that Json reads as long.
    Json.object("test", "text", json, "").forEach((key, value) -> keys.put(key, narrow(value)));
    return keys;
  }

  private static Object narrow(Object value) {
    return value instanceof Long number ? (Object) number.intValue()
        : value instanceof List<?> list ? list.stream().map(ModImporterTest::narrow).toList() : value;
  }

  private void open(SourceModel model) throws IOException {
    try {
      model.write(directory);
      if (Adapter.isAdapter(directory)) {
        Adapter.open(directory).close();
      }
      Checkpoint.open(directory).close();
    } catch (LoadException expected) {
      // What a damaged directory is for.
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void anyTensorMayBeMissingOrMisshapen(Supplier<SourceModel> model) throws IOException {
    for (String name : model.get().names()) {
      open(model.get().without(name));
      open(model.get().with(name, "x", 1));
      open(model.get().with(name, "x", 3, 5));
      open(model.get().with(name, "x", 2, 2, 2));
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void anyKeyMayHoldAnything(Supplier<SourceModel> model) throws IOException {
    for (String key : model.get().keys()) {
      open(model.get().unset(key));
      for (String value : VALUES) {
        open(model.get().set(key, value));
      }
    }
  }
}
