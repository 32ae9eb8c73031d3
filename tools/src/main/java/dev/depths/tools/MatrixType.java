package dev.depths.tools;

import dev.depths.loader.DType;
import java.util.Locale;

/** The types that matrices can be converted to; lower case, as users write them. */
enum MatrixType {
  f32,
  f16,
  bf16,
  q8_0,
  q4_0,
  q4_1;

  DType dtype() {
    return DType.valueOf(name().toUpperCase(Locale.ROOT));
  }
}
