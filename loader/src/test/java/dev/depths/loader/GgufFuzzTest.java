package dev.depths.loader;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever the bytes, parsing a GGUF file ends in a model or in a {@link LoadException}, soon and in little memory. */
class GgufFuzzTest {
  static Stream<Arguments> seeds() {
    return Stream.of("llama", "qwen2", "qwen3").map(a -> Arguments.of((Object) TinyModel.gguf(a).toBytes()));
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "5m")
  void parse(byte[] data) throws IOException {
    try {
      GgufFile file = GgufFile.parse("fuzz.gguf", MemorySegment.ofArray(data));
      GgufConfig.read(new Metadata("fuzz.gguf", file.metadata()), file.tensors());
    } catch (LoadException expected) {
      // What a malformed file is for.
    }
  }
}
