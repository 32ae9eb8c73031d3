package dev.depths.loader;

import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The keys {@code mod.*} of a file, for copying them to a GGUF file: those of a GGUF file as they are, those of JSON in the
 * types that the schema gives them.
 *
 * @param metadata values by key
 * @param encoded of a GGUF file, the same as it has them; else empty
 */
record ModMetadata(Metadata metadata, Map<String, MemorySegment> encoded) {
  /** Keys whose numbers are f32, or f64 where f32 does not hold them, though JSON may write them as integers. */
  private static final Set<String> FRACTIONS =
      Set.of("mod.position_slope", "mod.capacity", "mod.threshold", "mod.prefill_threshold");

  /** The keys of a descriptor that was made of a training code's configuration. */
  static ModMetadata of(Object file, ModDescriptor mod) {
    return of(file, ModReader.PREFIX, mod.keys());
  }

  /** Some keys, given without a prefix. */
  static ModMetadata of(Object file, String prefix, Map<String, Object> keys) {
    Map<String, Object> values = new LinkedHashMap<>();
    keys.forEach((key, value) -> values.put(prefix + key,
        value instanceof List<?> list ? list.stream().map(ModMetadata::widened).toList() : widened(value)));
    return new ModMetadata(new Metadata(file, values), Map.of());
  }

  /** Integers as files have them. */
  private static Object widened(Object value) {
    return value instanceof Integer n ? (Object) n.longValue() : value;
  }

  /**
   * Copies all keys but some.
   *
   * @param without keys to leave out, without prefix
   * @throws UnsupportedModelException if GGUF has no type for a value
   */
  void copyTo(GgufWriter writer, Set<String> without) {
    for (String key : metadata.keys()) {
      if (!key.startsWith(ModReader.PREFIX) || without.contains(key.substring(ModReader.PREFIX.length()))) {
        continue;
      }
      if (encoded.containsKey(key)) {
        writer.putEncoded(key, encoded.get(key));
      } else {
        put(writer, key, metadata.value(key));
      }
    }
  }

  private void put(GgufWriter writer, String key, Object value) {
    if (!(value instanceof List<?> list)) {
      writer.put(key, type(key, value), value);
      return;
    }
    List<GgufType> types = list.stream().map(element -> type(key, element)).distinct().sorted().toList();
    if (types.equals(List.of(GgufType.FLOAT32, GgufType.FLOAT64))) {
      types = List.of(GgufType.FLOAT64);
    }
    if (types.size() > 1) {
      throw metadata.unsupported(key + " holds values of several types, for which GGUF has no array");
    }
    writer.putArray(key, types.isEmpty() ? GgufType.UINT32 : types.getFirst(), list);
  }

  private static boolean isFraction(String key) {
    return FRACTIONS.contains(key)
        || key.startsWith(ModReader.PREFIX) && CalibrationKeys.isFraction(key.substring(ModReader.PREFIX.length()));
  }

  private GgufType type(String key, Object value) {
    return switch (value) {
      case Number n when isFraction(key) ->
          n.floatValue() == n.doubleValue() ? GgufType.FLOAT32 : GgufType.FLOAT64;
      case Number _ when key.equals("mod.lora.scale") -> GgufType.FLOAT32;
      case Long n when n >= 0 && n <= 0xffff_ffffL -> GgufType.UINT32;
      case Double _ -> GgufType.FLOAT32;
      case Boolean _ -> GgufType.BOOL;
      case String _ -> GgufType.STRING;
      case null, default ->
          throw metadata.unsupported(key + " is " + Metadata.shown(value) + ", for which GGUF files have no type");
    };
  }
}
