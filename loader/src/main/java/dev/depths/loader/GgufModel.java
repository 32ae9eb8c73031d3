package dev.depths.loader;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * A model in one GGUF file or several, {@code NAME-00001-of-0000N.gguf}, of which the first has the metadata.
 *
 * @param metadata of the first file
 * @param encoded the same as the file has them; see {@link GgufFile}
 * @param tensors of all files, in order
 * @param files the mapped bytes, in order
 */
record GgufModel(SequencedMap<String, Object> metadata, SequencedMap<String, MemorySegment> encoded,
    SequencedMap<String, Tensor> tensors, List<MemorySegment> files) {
  private static final Pattern PART = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf");
  private static final int MAX_PARTS = 1000;

  static GgufModel open(Path first, Arena arena) throws IOException {
    MemorySegment bytes = MappedFile.map(first, arena);
    GgufFile file = GgufFile.parse(first, bytes);
    Metadata metadata = new Metadata(first, file.metadata());
    int parts = metadata.intOr("split.count", 0, 0, MAX_PARTS);
    if (parts < 2) {
      return new GgufModel(file.metadata(), file.encoded(), file.tensors(), List.of(bytes));
    }
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    List<MemorySegment> files = new ArrayList<>();
    append(first, file, 0, parts, tensors);
    files.add(bytes);
    for (int part = 1; part < parts; part++) {
      Path path = part(first, metadata, part, parts);
      MemorySegment more = MappedFile.map(path, arena);
      append(path, GgufFile.parse(path, more), part, parts, tensors);
      files.add(more);
    }
    int total = metadata.intOr("split.tensors.count", tensors.size(), 0, Integer.MAX_VALUE);
    if (total != tensors.size()) {
      throw metadata.malformed("split.tensors.count", "is " + total + ", but the parts hold " + tensors.size());
    }
    return new GgufModel(file.metadata(), file.encoded(), tensors, List.copyOf(files));
  }

  /** The files of a model, as their names say; the first alone if it is no part of several. */
  static List<Path> paths(Path first) {
    Matcher name = PART.matcher(String.valueOf(first.getFileName()));
    int parts = name.matches() ? Integer.parseInt(name.group(3)) : 1;
    return IntStream.rangeClosed(1, Math.min(parts, MAX_PARTS))
        .mapToObj(part -> name.matches() ? part(first, name.group(1), part, parts) : first).toList();
  }

  private static Path part(Path first, String name, int number, int parts) {
    return first.resolveSibling("%s-%05d-of-%05d.gguf".formatted(name, number, parts));
  }

  private static Path part(Path first, Metadata metadata, int part, int parts) {
    Matcher name = PART.matcher(String.valueOf(first.getFileName()));
    if (!name.matches() || Integer.parseInt(name.group(2)) != 1 || Integer.parseInt(name.group(3)) != parts) {
      throw metadata.malformed("split.count", "is " + parts
          + ", so the file must be named NAME-00001-of-%05d.gguf, beside the other parts".formatted(parts));
    }
    return part(first, name.group(1), part + 1, parts);
  }

  private static void append(
      Path path, GgufFile file, int part, int parts, SequencedMap<String, Tensor> tensors) {
    Metadata metadata = new Metadata(path, file.metadata());
    int count = metadata.requireInt("split.count", 0, MAX_PARTS);
    if (count != parts) {
      throw metadata.malformed("split.count", "is " + count + ", but the first part says " + parts);
    }
    int number = metadata.requireInt("split.no", 0, MAX_PARTS);
    if (number != part) {
      throw metadata.malformed("split.no", "is " + number + ", expected " + part
          + (part == 0 ? ": open a split model by its first part, -00001-of-%05d.gguf".formatted(parts) : ""));
    }
    file.tensors().forEach((name, tensor) -> {
      if (tensors.put(name, tensor) != null) {
        throw new MalformedFileException(path, "tensor " + name, "is in an earlier part too");
      }
    });
  }
}
