package dev.depths.runtime.kernel;

/**
 * How codes of 4 to 6 bits fill the int lanes of a row: a block has {@code lanes} of them, and each 16-bit half of a lane has
 * four fields, the first at bit 0. The {@code full} first hold a code each, the others, {@code rest} bits wide, a piece of a
 * code that all lanes of the block share.
 *
 * <p>What fills a block exactly: nibbles, four to a half; 5 bits, three to a half and a 16th bit; 6 bits, two to a half and
 * two fields of two bits. Fields of the low and the high half take columns in turn.
 *
 * @param lanes ints per row and block
 * @param bits of a code
 * @param full fields of a half that hold a whole code
 * @param rest bits of the other fields
 */
record Fields(int lanes, int bits, int full, int rest) {
  /** Fields of each half of a lane. */
  static final int PER_HALF = 4;

  static Fields of(int block, int bits) {
    int lanes = block * bits / Integer.SIZE;
    return new Fields(lanes, bits, Short.SIZE / bits, bits / lanes);
  }

  /** The column, within its block, of a lane's field: of its low half ({@code side} 0) or its high half (1). */
  int column(int lane, int field, int side) {
    return field < full ? 2 * (full * lane + field) + side : 2 * (full * lanes + field - full) + side;
  }

  /** The first bit of its column's code that a field holds. */
  int codeBit(int lane, int field) {
    return field < full ? 0 : rest * lane;
  }

  /** Where in its half a field begins. */
  int position(int field) {
    return field < full ? bits * field : bits * full + rest * (field - full);
  }

  /** Bits of a field. */
  int width(int field) {
    return field < full ? bits : rest;
  }

  /** As many ones as a field has bits. */
  long mask(int field) {
    return (1L << width(field)) - 1;
  }

  /**
   * Multipliers of a block's fields, two to an int as the halves are. A field's value is the lane shifted down to it, less
   * that shifted down to the next field times {@code 2^width}; so that many times its own multiplier are taken from the next
   * field's, on through both halves, and fields need not be masked. Everything is modulo 2^16.
   *
   * @param q codes of activations, the block's at {@code from}
   * @param to where the block's multipliers begin
   */
  void multipliers(short[] q, int from, int[] multipliers, int to) {
    for (int lane = 0; lane < lanes; lane++) {
      int low = 0;
      int high = 0;
      int at = to + PER_HALF * lane;
      for (int field = 0; field < PER_HALF; field++) {
        int c = from + column(lane, field, 0);
        int shift = codeBit(lane, field);
        int before = field == 0 ? 0 : width(field - 1);
        int nextLow = q[c] << shift;
        int nextHigh = q[c + 1] << shift;
        multipliers[at + field] = nextLow - (low << before) & 0xffff | nextHigh - (high << before) << 16;
        low = nextLow;
        high = nextHigh;
      }
      multipliers[at] -= low << width(PER_HALF - 1) << 16;
    }
  }
}
