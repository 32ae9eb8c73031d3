package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SplitGgufTest {
  private static final int PARTS = 3;

  @TempDir Path directory;
  private final List<GgufWriter> parts = new ArrayList<>();

  @BeforeEach
  void split() {
    List<Tensor> tensors = List.copyOf(
        GgufFile.parse("x", MemorySegment.ofArray(TinyModel.gguf("llama").toBytes())).tensors().values());
    for (int part = 0; part < PARTS; part++) {
      GgufWriter writer = part == 0 ? TinyModel.metadata("llama") : new GgufWriter();
      writer.put("split.no", GgufType.UINT16, part).put("split.count", GgufType.UINT16, PARTS)
          .put("split.tensors.count", GgufType.INT32, tensors.size());
      parts.add(writer);
    }
    for (int i = 0; i < tensors.size(); i++) {
      parts.get(i * PARTS / tensors.size()).tensor(tensors.get(i));
    }
  }

  private Path part(int number) {
    return directory.resolve("tiny-%05d-of-%05d.gguf".formatted(number, PARTS));
  }

  private Path write() throws IOException {
    for (int part = 0; part < PARTS; part++) {
      parts.get(part).write(part(part + 1));
    }
    return part(1);
  }

  private void assertRefused(String where, String problem) throws IOException {
    Path first = write();
    assertMalformed(where, problem, () -> Checkpoint.open(first));
  }

  @Test
  void opensFromTheFirstPart() throws IOException {
    try (Checkpoint split = Checkpoint.open(write())) {
      assertEquals(TinyModel.shapes("llama").keySet(), split.tensors().keySet());
      Path whole = directory.resolve("whole.gguf");
      TinyModel.gguf("llama").write(whole);
      try (Checkpoint checkpoint = Checkpoint.open(whole)) {
        checkpoint.tensors().forEach((name, tensor) ->
            assertEquals(-1, tensor.data().mismatch(split.tensors().get(name).data()), name));
      }
    }
  }

  @Test
  void anotherPartSaysWhichIsTheFirst() throws IOException {
    write();
    assertMalformed("tiny-00002-of-00003.gguf: split.no", "is 1, expected 0: open a split model by its first part",
        () -> Checkpoint.open(part(2)));
  }

  @Test
  void aMissingPartIsNamed() throws IOException {
    Path first = write();
    Files.delete(part(3));
    assertTrue(assertThrows(NoSuchFileException.class, () -> Checkpoint.open(first)).getMessage()
        .endsWith("tiny-00003-of-00003.gguf"));
  }

  @Test
  void theNameHasToAgree() throws IOException {
    Path other = Files.move(write(), directory.resolve("model.gguf"));
    assertMalformed("model.gguf: split.count", "is 3, so the file must be named NAME-00001-of-00003.gguf",
        () -> Checkpoint.open(other));
  }

  @Test
  void partsHaveToAgree() throws IOException {
    parts.get(1).put("split.count", 4);
    assertRefused("tiny-00002-of-00003.gguf: split.count", "is 4, but the first part says 3");
    parts.get(1).put("split.count", 3).put("split.no", 2);
    assertRefused("tiny-00002-of-00003.gguf: split.no", "is 2, expected 1");
    parts.get(1).put("split.no", "1");
    assertRefused("tiny-00002-of-00003.gguf: split.no", "is \"1\", expected an integer");
  }

  @Test
  void theNumberOfTensorsHasToAgree() throws IOException {
    parts.get(0).put("split.tensors.count", 7);
    assertRefused("tiny-00001-of-00003.gguf: split.tensors.count", "is 7, but the parts hold 20");
  }

  @Test
  void aTensorIsInOnePartOnly() throws IOException {
    parts.get(2).tensor("token_embd.weight", new float[320], 10, 32);
    assertRefused("tiny-00003-of-00003.gguf: tensor token_embd.weight", "is in an earlier part too");
  }

  @Test
  void tooManyParts() throws IOException {
    parts.get(0).put("split.count", 100_000);
    assertRefused("split.count", "is 100000, expected 0 to 1000");
  }
}
