package dev.depths.loader;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

/** Writes the file of a Mixture-of-Depths model or adapter anew, with a calibration in the place of any that it has. */
public final class CalibrationWriter {
  private static final int CHUNK = 1 << 20;
  private static final ObjectMapper MAPPER = new ObjectMapper(Json.FACTORY);

  private CalibrationWriter() {}

  /**
   * Finds out early whether a file can carry a calibration.
   *
   * @throws UnsupportedModelException if it is a directory, or part of a split model
   * @throws IOException if it cannot be read
   */
  public static void check(Path source) throws IOException {
    if (Files.isDirectory(source) || GgufModel.paths(source).size() > 1) {
      throw new UnsupportedModelException(source, "a calibration is written to a GGUF file, or to an adapter in safetensors, "
          + "not to a model of several files; 'depths convert' makes one of it");
    }
  }

  /**
   * Copies a file, with the calibration. It appears, or replaces what is there, in one step when it is complete.
   *
   * @param source a GGUF file, or an adapter in safetensors
   * @param out the copy; may be the source itself
   * @throws LoadException if the source is malformed, or cannot carry a calibration
   * @throws FileSystemException that names the file and says why it cannot be written
   */
  public static void write(Path source, Calibration calibration, Path out) throws IOException {
    check(source);
    Map<String, Object> keys = calibration.keys();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = MappedFile.map(source, arena);
      if (GgufFile.hasMagic(data)) {
        GgufWriter writer = gguf(source, data, keys);
        UnfinishedFile.write(out, stream -> writer.write(stream, done -> {}));
      } else {
        byte[] header = safetensors(source, data, keys);
        long body = Long.BYTES + data.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
        UnfinishedFile.write(out, stream -> {
          stream.write(header);
          copy(data, body, stream);
        });
      }
    } catch (InternalError e) {
      throw MappedFile.lost(source, "bytes", e);
    }
  }

  private static GgufWriter gguf(Path source, MemorySegment data, Map<String, Object> calibration) {
    GgufFile file = GgufFile.parse(source, data);
    String prefix = ModReader.PREFIX + CalibrationKeys.PREFIX;
    GgufWriter writer = new GgufWriter().putAll(file.metadata(), file.encoded());
    file.metadata().keySet().stream().filter(key -> key.startsWith(prefix)).forEach(writer::remove);
    ModMetadata.of(source, prefix, calibration).copyTo(writer, Set.of());
    file.tensors().values().forEach(writer::tensor);
    return writer;
  }

  /** The length of the header and the header, with the calibration among the adapter's JSON. */
  private static byte[] safetensors(Path source, MemorySegment data, Map<String, Object> calibration) throws IOException {
    String json = SafetensorsFile.parse(source, data).metadata().get("mod");
    if (json == null) {
      throw new UnsupportedModelException(source, "is no Mixture-of-Depths adapter, which alone carries a calibration");
    }
    long length = data.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
    byte[] text = data.asSlice(Long.BYTES, length).toArray(ValueLayout.JAVA_BYTE);
    JsonNode header = MAPPER.readTree(text);
    ObjectNode mod = (ObjectNode) MAPPER.readTree(json);
    mod.set("calibration", MAPPER.valueToTree(calibration));
    ((ObjectNode) header.get("__metadata__")).put("mod", MAPPER.writeValueAsString(mod));
    String written = MAPPER.writeValueAsString(header);
    // Tensors stay aligned to 8 bytes, as the format asks for.
    int spaces = -written.getBytes(StandardCharsets.UTF_8).length & 7;
    byte[] bytes = (written + " ".repeat(spaces)).getBytes(StandardCharsets.UTF_8);
    ByteBuffer out = ByteBuffer.allocate(Long.BYTES + bytes.length).order(ByteOrder.LITTLE_ENDIAN);
    return out.putLong(bytes.length).put(bytes).array();
  }

  private static void copy(MemorySegment data, long from, OutputStream out) throws IOException {
    for (long at = from; at < data.byteSize(); at += CHUNK) {
      out.write(data.asSlice(at, Math.min(CHUNK, data.byteSize() - at)).toArray(ValueLayout.JAVA_BYTE));
    }
  }
}
