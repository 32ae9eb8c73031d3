package dev.depths.tools;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.depths.loader.UnfinishedFile;
import dev.depths.runtime.Model;
import dev.depths.runtime.Speeds;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.zip.CRC32;

/**
 * The speeds of a model on this machine, in the user's cache directory: one file for each model with its adapter, processor,
 * kernels (and so width of vectors), number of threads, arithmetic and place of low-rank updates.
 */
final class SpeedsFile {
  private SpeedsFile() {}

  private static Map<String, Object> key(Model model) {
    Map<String, Object> key = Json.object();
    key.put("model", model.fingerprint());
    key.put("cpu_info", Cpu.NAME);
    key.put("kernels", model.kernelDescription());
    key.put("n_threads", model.options().threads());
    key.put("exact", model.options().exact());
    key.put("lora", model.options().lowRank().name().toLowerCase(Locale.ROOT));
    return key;
  }

  /** Where the speeds of a model are. */
  static Path path(Model model) {
    CRC32 sum = new CRC32();
    sum.update(Json.compact(key(model)).getBytes(StandardCharsets.UTF_8));
    return CacheDirectory.speeds().resolve(String.format("%s-%08x.json", model.fingerprint(), sum.getValue()));
  }

  /**
   * Reads them.
   *
   * @return empty if they were not measured
   * @throws CommandException if the file is not as it was written
   */
  static Optional<Speeds> read(Model model) throws IOException {
    Path file = path(model);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      JsonNode json = new ObjectMapper().readTree(Files.readString(file));
      List<Speeds.Point> points = new ArrayList<>();
      for (JsonNode point : json.path("points")) {
        points.add(new Speeds.Point(
            number(point, "capacity"), number(point, "decode_ms"), number(point, "prefill_ms")));
      }
      return Optional.of(new Speeds(number(json, "dense_decode_ms"), number(json, "dense_prefill_ms"), points));
    } catch (JsonProcessingException | IllegalArgumentException e) {
      String problem = e instanceof JsonProcessingException json ? json.getOriginalMessage() : e.getMessage();
      throw new CommandException(
          file + ": holds no speeds: " + problem + "; 'depths calibrate --speed-only' measures them anew", e);
    }
  }

  private static double number(JsonNode object, String name) {
    if (!object.path(name).isNumber()) {
      throw new IllegalArgumentException("no number " + name);
    }
    return object.get(name).doubleValue();
  }

  /** Writes them; returns where. */
  static Path write(Model model, Speeds speeds) throws IOException {
    Map<String, Object> json = key(model);
    json.put("dense_decode_ms", speeds.denseDecodeMillis());
    json.put("dense_prefill_ms", speeds.densePrefillMillis());
    json.put("points", speeds.points().stream().map(point -> {
      Map<String, Object> fields = Json.object();
      fields.put("capacity", point.capacity());
      fields.put("decode_ms", point.decodeMillis());
      fields.put("prefill_ms", point.prefillMillis());
      return fields;
    }).toList());
    Path file = path(model);
    Files.createDirectories(file.getParent());
    byte[] bytes = (Json.pretty(json) + "\n").getBytes(StandardCharsets.UTF_8);
    UnfinishedFile.write(file, out -> out.write(bytes));
    return file;
  }
}
