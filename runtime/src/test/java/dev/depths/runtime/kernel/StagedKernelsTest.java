package dev.depths.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.depths.runtime.kernel.StagedKernels.Group;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Tag("kernels")
class StagedKernelsTest {
  private static final int ROWS = 3;
  private static final int COLUMNS = 96;

  /** While only single rows have their vectors, few rows are multiplied one by one: to the same bits. */
  @ParameterizedTest
  @EnumSource
  void fewRowsBeforeAndAfterTheirVectors(PanelFormat format) {
    Random random = new Random(format.ordinal());
    PackedMatrix w = RandomPanels.real(format, 4, COLUMNS, random);
    VectorKernels vectors = new VectorKernels();
    Activations x = new Activations(ROWS + 1, COLUMNS, ROWS + 1);
    for (int r = 0; r <= ROWS; r++) {
      for (int i = 0; i < COLUMNS; i++) {
        x.f32[r * x.stride + i] = (float) random.nextGaussian();
      }
      if (format.isInteger()) {
        vectors.quantize(x, r, 0, COLUMNS, format.activationRange());
      }
    }
    StagedKernels staged = new StagedKernels(new LoopKernels(), vectors);
    float[] onLoops = product(staged, w, x);
    staged.advance(Group.GEMV);
    float[] rowByRow = product(staged, w, x);
    staged.advance(Group.ROWS);
    float[] together = product(staged, w, x);
    assertArrayEquals(together, rowByRow);
    assertArrayEquals(together, onLoops);
  }

  private static float[] product(Kernels kernels, PackedMatrix w, Activations x) {
    float[] y = new float[ROWS * 140 + 5];
    kernels.panelsGemv(w, 1, 4, x, 1, ROWS, y, 5, 140);
    return y;
  }
}
