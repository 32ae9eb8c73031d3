package dev.depths.runtime;

import dev.depths.loader.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;

/** Writes safetensors files: length of the header, header, tensors one after the other. */
final class Safetensors {
  private Safetensors() {}

  /** @param mod JSON under the metadata key {@code mod} */
  static Path write(Path file, String mod, UnaryOperator<String> nameOf, List<Tensor> tensors) throws IOException {
    String escaped = mod.replace("\n", " ").replace("\"", "\\\"");
    StringBuilder header = new StringBuilder("{\"__metadata__\": {\"mod\": \"" + escaped + "\"}");
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    for (Tensor t : tensors) {
      int from = data.size();
      data.write(t.data().toArray(ValueLayout.JAVA_BYTE));
      header.append(", \"%s\": {\"dtype\": \"%s\", \"shape\": %s, \"data_offsets\": [%d, %d]}"
          .formatted(nameOf.apply(t.name()), t.type(), t.shape(), from, data.size()));
    }
    byte[] json = header.append('}').toString().getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes = ByteBuffer.allocate(8 + json.length + data.size()).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(json.length).put(json).put(data.toByteArray());
    return Files.write(file, bytes.array());
  }
}
