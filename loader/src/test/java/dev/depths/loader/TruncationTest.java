package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * A file that is cut off while it is mapped, which Windows does not let happen: an exception where the loader reads it,
 * never the end of the JVM.
 */
@EnabledOnOs({OS.LINUX, OS.MAC})
class TruncationTest {
  private static final String LOST = "could not be read: the file was cut off after it was opened, or its disk failed";
  private static final int PAGE = 1 << 16;

  @TempDir Path directory;

  private static void cutOff(Path file, long size) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.truncate(size);
    }
  }

  private Path model() throws IOException {
    Path file = directory.resolve("tiny.gguf");
    TinyModel.gguf("llama")
        .put("strings", Collections.nCopies(PAGE, "token"))
        .put("numbers", Collections.nCopies(PAGE, 1f))
        .write(file);
    return file;
  }

  @Test
  void tensors() throws IOException {
    Path file = model();
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      Tensor tensor = checkpoint.tensors().get("blk.1.ffn_down.weight");
      float[] row = new float[TinyModel.FEED_FORWARD];
      // Often enough to be compiled: what faults in compiled code is delivered in another way than in the interpreter.
      for (int i = 0; i < 50_000; i++) {
        tensor.dequantize(i % TinyModel.EMBEDDING, row, 0);
      }
      cutOff(file, 100);
      assertMalformed("mapped file: tensor blk.1.ffn_down.weight", LOST, () -> tensor.dequantize(0, row, 0));
      assertMalformed("mapped file: tensor blk.1.ffn_down.weight", LOST, tensor::toFloats);
      assertMalformed("tiny.gguf: bytes", LOST, checkpoint::sha256);
    }
  }

  @Test
  void quantisedTensors() throws IOException {
    for (DType type : DType.values()) {
      Path file = directory.resolve("tiny-" + type + ".gguf");
      TinyModel.metadata("llama").put("strings", Collections.nCopies(PAGE, "x"))
          .tensor("t", type, new byte[PAGE * type.blockBytes()], PAGE / 16, 16L * type.blockSize()).write(file);
      try (Arena arena = Arena.ofShared()) {
        Tensor tensor = GgufModel.open(file, arena).tensors().get("t");
        cutOff(file, 100);
        assertMalformed("mapped file: tensor t", LOST, () -> tensor.dequantize(1, new float[tensor.columns()], 0));
      }
    }
  }

  @Test
  void metadata() throws IOException {
    Path file = model();
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      List<?> strings = (List<?>) checkpoint.metadata().get("strings");
      List<?> numbers = (List<?>) checkpoint.metadata().get("numbers");
      assertEquals("token", strings.getLast());
      cutOff(file, 100);
      assertMalformed("tiny.gguf: strings", LOST, strings::getLast);
      assertMalformed("tiny.gguf: numbers", LOST, numbers::getLast);
    }
  }

  @Test
  void adapters() throws IOException {
    Path file = directory.resolve("adapter.safetensors");
    new SafetensorsWriter().metadata("mod", """
        {"version": 1, "blocks": [1], "router": "linear", "selection": "threshold", "combine": "x+f"}""")
        .tensor("blk.1.mod_router.weight", DType.F32, new float[PAGE], 1, PAGE).write(file);
    try (Adapter adapter = Adapter.open(file)) {
      cutOff(file, 100);
      Tensor tensor = adapter.tensors().get("blk.1.mod_router.weight");
      assertMalformed("mapped file: tensor blk.1.mod_router.weight", LOST, tensor::toFloats);
    }
  }

  @Test
  void theHeaderItself() throws IOException {
    Path file = model();
    try (Arena arena = Arena.ofShared()) {
      MemorySegment bytes = MappedFile.map(file, arena);
      cutOff(file, 0);
      InternalError fault = assertThrows(
          InternalError.class, () -> GgufFile.parse(file, bytes));
      assertMalformed("tiny.gguf: header", LOST, () -> {
        throw MappedFile.lost(file, "header", fault);
      });
    }
    assertMalformed("tiny.gguf: offset 0", "needs 4 bytes, but only 0 remain", () -> Checkpoint.open(file));
    assertEquals(0, Files.size(file));
  }
}
