package dev.depths.loader;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Writes small safetensors files. Metadata must need no escapes but of quotes. */
final class SafetensorsWriter {
  private final List<String> members = new ArrayList<>();
  private final List<String> metadata = new ArrayList<>();
  private final ByteArrayOutputStream data = new ByteArrayOutputStream();

  SafetensorsWriter metadata(String key, String value) {
    metadata.add("\"%s\": \"%s\"".formatted(key, value.replace("\"", "\\\"")));
    return this;
  }

  SafetensorsWriter tensor(String name, DType type, float[] elements, long... shape) {
    int begin = data.size();
    ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(type.bytes(elements.length))).order(ByteOrder.LITTLE_ENDIAN);
    for (float x : elements) {
      switch (type) {
        case F32 -> bytes.putFloat(x);
        case F16 -> bytes.putShort(Float.floatToFloat16(x));
        case BF16 -> bytes.putShort((short) (Float.floatToRawIntBits(x) >>> 16));
        default -> throw new IllegalArgumentException(type.toString());
      }
    }
    data.writeBytes(bytes.array());
    members.add("\"%s\": {\"dtype\": \"%s\", \"shape\": %s, \"data_offsets\": [%d, %d]}"
        .formatted(name, type, Arrays.toString(shape), begin, data.size()));
    return this;
  }

  byte[] toBytes() {
    List<String> all = new ArrayList<>(members);
    if (!metadata.isEmpty()) {
      all.addFirst("\"__metadata__\": {" + String.join(", ", metadata) + "}");
    }
    String header = "{" + String.join(", ", all) + "}";
    RawBytes raw = new RawBytes().i64(header.getBytes(StandardCharsets.UTF_8).length).text(header);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(raw.bytes());
    out.writeBytes(data.toByteArray());
    return out.toByteArray();
  }

  void write(Path file) throws IOException {
    Files.write(file, toBytes());
  }
}
