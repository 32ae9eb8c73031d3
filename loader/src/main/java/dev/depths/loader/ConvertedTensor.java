package dev.depths.loader;

import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A tensor as a converted file holds it, computed a few rows at a time while the file is written.
 *
 * @param file the source's name, for messages
 * @param source the tensor as it is
 * @param type in which it is written
 * @param order of its rows
 * @param adapter whose update, if it has one, is added in f32 before
 */
record ConvertedTensor(Object file, Tensor source, DType type, RowOrder order, Optional<Adapter> adapter)
    implements GgufWriter.Body {
  private static final int CHUNK = 1 << 22;

  /** Adds the tensor to a file; its bytes alone if nothing of it changes. */
  void addTo(GgufWriter writer) {
    if (type == source.type() && order == RowOrder.SAME && !updated()) {
      writer.tensor(source);
    } else {
      writer.tensor(source.name(), type, source.shape(), this);
    }
  }

  private boolean updated() {
    return adapter.isPresent() && adapter.get().updates(source.name());
  }

  @Override
  public void writeTo(OutputStream out) throws IOException {
    boolean vector = source.shape().size() == 1;
    // The order of a bias is that of its elements.
    Tensor rows = vector && order != RowOrder.SAME
        ? new Tensor(source.name(), source.type(), List.of(source.shape().getFirst(), 1L), source.data()) : source;
    Optional<LowRankUpdate> update = adapter.flatMap(a -> a.update(source.name()));
    int rowBytes = Math.toIntExact(type.bytes(rows.columns()));
    int most = (int) Math.clamp(CHUNK / rowBytes, 1L, rows.rows());
    byte[] chunk = new byte[Math.multiplyExact(most, rowBytes)];
    for (long first = 0; first < rows.rows(); first += most) {
      int count = (int) Math.min(most, rows.rows() - first);
      convert(rows, update, first, count, chunk);
      out.write(chunk, 0, count * rowBytes);
    }
  }

  private void convert(Tensor rows, Optional<LowRankUpdate> update, long first, int count, byte[] to) {
    int shares = Math.min(count, Runtime.getRuntime().availableProcessors());
    IntStream.range(0, shares).parallel().forEach(share -> {
      float[] row = new float[rows.columns()];
      int end = (int) ((share + 1L) * count / shares);
      for (int i = (int) ((long) share * count / shares); i < end; i++) {
        convert(rows, update, first + i, row, to, i);
      }
    });
  }

  private void convert(Tensor rows, Optional<LowRankUpdate> update, long row, float[] scratch, byte[] to, int index) {
    int rowBytes = (int) type.bytes(rows.columns());
    long from = order.source(row);
    if (type == rows.type() && update.isEmpty()) {
      rows.copy(from * rowBytes, to, index * rowBytes, rowBytes);
      return;
    }
    rows.dequantize(from, scratch, 0);
    update.ifPresent(u -> u.addTo(from, scratch));
    try {
      Quantizer.quantize(type, scratch, rows.columns(), to, index * rowBytes);
    } catch (ArithmeticException e) {
      throw new MalformedFileException(file, "tensor " + source.name(), e.getMessage(), e);
    }
  }
}
