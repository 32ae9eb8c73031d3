package dev.depths.bench;

import dev.depths.loader.DType;
import dev.depths.loader.Tensor;
import dev.depths.runtime.kernel.Activations;
import dev.depths.runtime.kernel.Kernels;
import dev.depths.runtime.kernel.PackedMatrix;
import dev.depths.runtime.kernel.Packer;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;

/** Packed matrices and activations of random values. */
final class RandomPanels {
  /** Output rows of a panel. */
  static final int ROWS = 32;

  /** Columns that kernels are measured with: near SmolLM2-135M's 576, and a whole number of every format's blocks. */
  static final int COLUMNS = 768;

  private RandomPanels() {}

  /** A matrix of so many panels, all alike, in the format that a model's would have. */
  static PackedMatrix matrix(DType type, int panels, Arena arena) {
    try (Arena source = Arena.ofConfined()) {
      Tensor panel = new RandomTensors(source).matrix("panel", type, ROWS, COLUMNS);
      PackedMatrix packed = Packer.allocate(Packer.formatsOf(panel).getFirst(), panels * ROWS, COLUMNS, arena);
      Packer.pack(panel, row -> row % ROWS, packed, 0, panels);
      return packed;
    }
  }

  /** Rows of activations for a matrix, quantised too. */
  static Activations activations(Kernels kernels, int rows, PackedMatrix w) {
    Activations x = new Activations(rows, w.columns(), rows);
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < x.f32().length; i++) {
      x.f32()[i] = (float) (2 * random.nextDouble() - 1);
    }
    for (int r = 0; r < rows; r++) {
      kernels.quantize(x, r, 0, w.columns(), w.format().activationRange());
    }
    return x;
  }
}
