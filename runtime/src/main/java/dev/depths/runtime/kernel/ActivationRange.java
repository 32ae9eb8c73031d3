package dev.depths.runtime.kernel;

/**
 * How large quantised activations may be: integer kernels sum products in 16 bits, and the fewer the bits of the weights
 * or the columns summed, the finer the activations can be. Bounds on sums of {@code |q|}, each of at least 1.
 *
 * @param blockSum over a block of 32 columns
 * @param halfSum over either half of a block
 * @param pairSum over two neighbouring columns
 * @param weightBits the widths of the weights that they will be multiplied with, as a set: bit b for b bits
 */
public record ActivationRange(int blockSum, int halfSum, int pairSum, int weightBits) {
  /** No bound: for weights that are multiplied as floats. */
  public static final ActivationRange ANY = new ActivationRange(Integer.MAX_VALUE, Integer.MAX_VALUE, Integer.MAX_VALUE, 0);

  static ActivationRange ofBlockSum(int sum, int weightBits) {
    return new ActivationRange(sum, Integer.MAX_VALUE, Integer.MAX_VALUE, 1 << weightBits);
  }

  static ActivationRange ofHalfSum(int sum, int weightBits) {
    return new ActivationRange(Integer.MAX_VALUE, sum, Integer.MAX_VALUE, 1 << weightBits);
  }

  static ActivationRange ofPairSum(int sum, int weightBits) {
    return new ActivationRange(Integer.MAX_VALUE, Integer.MAX_VALUE, sum, 1 << weightBits);
  }

  /** What serves both. */
  public ActivationRange and(ActivationRange other) {
    return new ActivationRange(Math.min(blockSum, other.blockSum), Math.min(halfSum, other.halfSum),
        Math.min(pairSum, other.pairSum), weightBits | other.weightBits);
  }

  /** Whether any bound is kept to: whether activations will be integers at all. */
  public boolean isBounded() {
    return weightBits != 0;
  }
}
