package dev.depths.loader;

import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.Optional;

/**
 * The matrices of a block's experts, each in a tensor of its own, as the one tensor that GGUF has of them, written expert by
 * expert.
 *
 * @param file the source's name, for messages
 * @param name of the one tensor
 * @param experts matrices of one shape [rows, columns], in order
 * @param type in which they are written
 */
record ExpertStack(Object file, String name, List<Tensor> experts, DType type) implements GgufWriter.Body {

  /** Adds or replaces the tensor [experts, rows, columns]. */
  void addTo(GgufWriter writer) {
    Tensor first = experts.getFirst();
    writer.tensor(name, type, List.of((long) experts.size(), first.rows(), (long) first.columns()), this);
  }

  @Override
  public void writeTo(OutputStream out) throws IOException {
    for (Tensor expert : experts) {
      // No adapter updates experts.
      new ConvertedTensor(file, expert, type, RowOrder.SAME, Optional.empty()).writeTo(out);
    }
  }
}
