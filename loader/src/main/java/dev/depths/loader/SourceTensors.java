package dev.depths.loader;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/**
 * A directory's tensors by the names that a training code gave them, views of its files, and what importers do to them
 * before they get GGUF's names. What an importer makes keeps the name of the tensor it is made of, for messages.
 */
final class SourceTensors {
  private final Path directory;
  private final Arena arena;
  private final SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
  private final Map<String, Path> files = new HashMap<>();

  /** @param arena of the memory that importers need */
  SourceTensors(Path directory, Arena arena) {
    this.directory = directory;
    this.arena = arena;
  }

  /** Adds a tensor of a file, in which names are unique. */
  void add(Path file, Tensor tensor) {
    if (tensors.put(tensor.name(), tensor) != null) {
      throw new MalformedFileException(file, "tensor " + tensor.name(), "is in an earlier shard too");
    }
    files.put(tensor.name(), file);
  }

  Path directory() {
    return directory;
  }

  MemorySegment allocate(long bytes) {
    return arena.allocate(bytes);
  }

  /** Names that match a pattern, in file order. */
  List<String> names(Pattern pattern) {
    return tensors.keySet().stream().filter(pattern.asMatchPredicate()).toList();
  }

  boolean has(Pattern pattern) {
    return tensors.keySet().stream().anyMatch(pattern.asMatchPredicate());
  }

  boolean hasOnly(Pattern pattern) {
    return tensors.keySet().stream().allMatch(pattern.asMatchPredicate());
  }

  void put(String name, Tensor tensor) {
    tensors.put(name, tensor);
  }

  /** Takes a tensor out. */
  Tensor take(String name) {
    Tensor tensor = tensors.remove(name);
    if (tensor == null) {
      throw new MalformedFileException(directory, "tensor " + name, "is missing");
    }
    return tensor;
  }

  /** Refuses a directory with a tensor whose name matches. */
  void refuse(Pattern pattern, String problem) {
    names(pattern).stream().findFirst().ifPresent(name -> {
      throw new UnsupportedModelException(file(tensors.get(name)), "tensor " + name + ' ' + problem);
    });
  }

  /** Replaces the tensors whose names match. */
  void replace(Pattern pattern, UnaryOperator<Tensor> change) {
    names(pattern).forEach(name -> tensors.put(name, change.apply(tensors.get(name))));
  }

  /**
   * Makes one tensor of several that are copies of a shared module's.
   *
   * @throws MalformedFileException if they differ
   */
  void share(Pattern copies, String name) {
    List<Tensor> same = new ArrayList<>();
    names(copies).forEach(copy -> same.add(take(copy)));
    for (Tensor tensor : same) {
      Tensor first = same.getFirst();
      if (!tensor.shape().equals(first.shape()) || tensor.type() != first.type()
          || tensor.data().mismatch(first.data()) >= 0) {
        throw malformed(tensor, "differs from " + first.name() + ", but the blocks share one router");
      }
    }
    if (!same.isEmpty()) {
      put(name, same.getFirst());
    }
  }

  /** Leaves one of the two names under which a file may have the one matrix of a tied embedding. */
  void tie(String embedding, String output) {
    Tensor matrix = tensors.remove(output);
    if (matrix != null && !tensors.containsKey(embedding)) {
      tensors.put(embedding, matrix);
    }
  }

  /** Exchanges the rows, or elements, of two classes, in memory; what does not have two is left for its shape to be refused. */
  Tensor swapClasses(Tensor tensor) {
    if (tensor.shape().getFirst() != 2) {
      return tensor;
    }
    long half = tensor.data().byteSize() / 2;
    MemorySegment swapped = allocate(2 * half);
    MemorySegment.copy(tensor.data(), half, swapped, 0, half);
    MemorySegment.copy(tensor.data(), 0, swapped, half, half);
    return new Tensor(tensor.name(), tensor.type(), tensor.shape(), swapped);
  }

  /** A third of a tensor whose outermost dimension can be divided so: a view of the same memory. */
  static Tensor third(Tensor tensor, int part) {
    List<Long> shape = new ArrayList<>(tensor.shape());
    shape.set(0, shape.getFirst() / 3);
    long bytes = tensor.data().byteSize() / 3;
    return new Tensor(tensor.name(), tensor.type(), shape, tensor.data().asSlice(part * bytes, bytes));
  }

  /** All by GGUF's names; what is neither named by a rule nor Hugging Face's is refused. */
  SequencedMap<String, Tensor> toGguf(TensorNames names) {
    SequencedMap<String, Tensor> result = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> {
      Optional<String> gguf = names.huggingFace(name)
          .flatMap(theirs -> HuggingFaceNames.toGguf(file(tensor), theirs, tensor.name()));
      if (gguf.isPresent()
          && result.put(gguf.get(), new Tensor(gguf.get(), tensor.type(), tensor.shape(), tensor.data())) != null) {
        throw malformed(tensor, "is the second that is " + gguf.get());
      }
    });
    return result;
  }

  private Object file(Tensor tensor) {
    return files.getOrDefault(tensor.name(), directory);
  }

  MalformedFileException malformed(Tensor tensor, String problem) {
    return new MalformedFileException(file(tensor), "tensor " + tensor.name(), problem);
  }
}
