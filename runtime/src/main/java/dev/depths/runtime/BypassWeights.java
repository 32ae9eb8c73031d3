package dev.depths.runtime;

import dev.depths.runtime.kernel.PackedMatrix;

/**
 * What a token is given that skips a routed part: B·silu(A·norm(x)).
 *
 * @param norm RMSNorm that the part begins with
 * @param a A [rank, width], of half floats or floats
 * @param b B [width, rank], likewise
 */
record BypassWeights(float[] norm, PackedMatrix a, PackedMatrix b) {
  int rank() {
    return b.columns();
  }

  /** Bytes that a pass reads in which a token skips the part. */
  long bytes() {
    return a.bytes() + b.bytes() + 4L * norm.length;
  }
}
