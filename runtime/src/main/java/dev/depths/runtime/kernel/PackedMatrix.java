package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;

/**
 * A weight matrix packed into panels of 32 output rows; the last panel is padded with zeros.
 *
 * @param format how panels store weights
 * @param rows output features
 * @param columns input features
 * @param data the panels, one after the other; then, in BF12, what {@link Bf12} says
 */
public record PackedMatrix(PanelFormat format, int rows, int columns, MemorySegment data) {
  /** Number of panels. */
  public int panels() {
    return (rows + Panels.ROWS - 1) / Panels.ROWS;
  }

  /** Offset of a panel in {@link #data()}. */
  public long offset(int panel) {
    return panel * format.panelBytes(columns);
  }

  /** Bytes of all panels: what one pass over the matrix reads. */
  public long bytes() {
    return format.matrixBytes(panels(), columns);
  }
}
