package dev.depths.loader;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.stream.Stream;

/**
 * Makes one GGUF file, version 3, of a model (GGUF, whole or split, or a Hugging Face directory) or of a Mixture-of-Depths
 * adapter. The same input gives the same bytes. Tensors are read from the mapped source and computed a few rows at a time, so
 * that a model need not fit in memory.
 *
 * <p>Of a GGUF file all metadata stay as they are, but {@code split.*}; of a Hugging Face directory, or that of a training
 * code, hyperparameters, tokenizer and chat template are written under GGUF's keys, query and key rows in GGUF's order, and
 * the experts of a block in one tensor, as <a
 * href="https://github.com/ggml-org/llama.cpp/blob/master/convert_hf_to_gguf.py">llama.cpp</a> does it. Not thread-safe.
 */
public final class GgufConversion implements AutoCloseable {
  private final Path source;
  private final Optional<Path> adapter;
  private final GgufWriter writer = new GgufWriter();
  private final List<String> notes = new ArrayList<>();
  private Checkpoint model;
  private Adapter changes;

  private GgufConversion(Path source, Optional<Path> adapter) {
    this.source = source;
    this.adapter = adapter;
  }

  /**
   * Opens what is to be converted, and checks that all of it can be.
   *
   * @param source a GGUF file, the first of its parts, a Hugging Face directory, or a Mixture-of-Depths adapter
   * @param adapter to merge into a dense model: {@code W' = W + scale · B·A} in f32, routers and bypasses beside
   * @param type one of {@link #types()} for the matrices of blocks, embedding and output, where rows that are no whole blocks
   *     become F16 and all other tensors F32; or empty to keep types, but F32 for what is no matrix of a Hugging Face
   *     directory, and F16 for merged matrices of a type that cannot be made
   * @throws IOException if a file cannot be read
   * @throws LoadException if a file is malformed or not supported, the adapter does not fit the model, or GGUF cannot express
   *     the tokenizer or how experts are weighed
   * @throws IllegalArgumentException for a type that cannot be made, or an adapter with an adapter or type
   */
  public static GgufConversion open(Path source, Optional<Path> adapter, Optional<DType> type) throws IOException {
    if (type.isPresent() && !types().contains(type.get())) {
      throw new IllegalArgumentException(type.get() + " cannot be made, only " + types() + " can");
    }
    GgufConversion conversion = new GgufConversion(source, adapter);
    try {
      conversion.prepare(type);
      return conversion;
    } catch (Throwable e) {
      conversion.close();
      throw e;
    }
  }

  /** The types that matrices can be converted to. */
  public static Set<DType> types() {
    return Quantizer.TYPES;
  }

  private void prepare(Optional<DType> type) throws IOException {
    if (Adapter.isAdapter(source)) {
      if (adapter.isPresent() || type.isPresent()) {
        throw new IllegalArgumentException(source + " is an adapter: another is not merged into it, nor its type changed");
      }
      changes = Adapter.open(source);
      addAdapter();
      return;
    }
    model = Checkpoint.open(source);
    if (adapter.isPresent()) {
      changes = Adapter.open(adapter.get());
    }
    new ModelConversion(source, model, Optional.ofNullable(changes), type, writer, notes).prepare();
  }

  private void addAdapter() {
    ModMetadata metadata = changes.metadata();
    writer.put("general.type", "adapter");
    writer.putAll(metadata.metadata().values(), metadata.encoded());
    metadata.copyTo(writer, Set.of());
    changes.tensors().values().forEach(writer::tensor);
  }

  /** Length of the file to be written, in bytes. */
  public long bytes() {
    return writer.length();
  }

  /** Number of tensors to be written. */
  public int tensors() {
    return writer.tensorCount();
  }

  /** What the file cannot say of the source, one sentence each; mostly none. */
  public List<String> notes() {
    return List.copyOf(notes);
  }

  /**
   * Writes the file, which replaces what is there in one step when it is complete; until then it is another beside it, of
   * which nothing remains if this fails.
   *
   * @param progress receives the number of bytes written so far, up to {@link #bytes()}
   * @throws FileSystemException that names the file and says why it cannot be written: it is part of the source, or no
   *     regular file, its directory is missing, a disk is full
   * @throws LoadException if the source was cut off after it was opened, or has values that cannot be quantised
   */
  public void write(Path file, LongConsumer progress) throws IOException {
    requireOther(file);
    UnfinishedFile.write(file, out -> writer.write(out, progress));
  }

  private void requireOther(Path file) throws IOException {
    for (Path input : inputs()) {
      if (Files.exists(file) && Files.isSameFile(file, input)) {
        throw new FileSystemException(file.toString(), null, "is part of what is converted");
      }
    }
  }

  /** All files that may be read, at least. */
  private List<Path> inputs() throws IOException {
    List<Path> inputs = new ArrayList<>(adapter.stream().toList());
    if (Files.isDirectory(source)) {
      try (Stream<Path> files = Files.list(source)) {
        files.forEach(inputs::add);
      }
    } else {
      inputs.addAll(GgufModel.paths(source));
    }
    return inputs;
  }

  /** Unmaps the sources. */
  @Override
  public void close() {
    if (model != null) {
      model.close();
    }
    if (changes != null) {
      changes.close();
    }
  }
}
