package dev.depths.loader;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ExpertMatrixTest {
  private static final long EXPERTS = 3;
  private static final long ROWS = 2;
  private static final long COLUMNS = 256;

  private static Tensor random(String name, DType type, List<Long> shape) {
    byte[] bytes = new byte[(int) type.bytes(shape.stream().reduce(1L, (a, b) -> a * b))];
    new Random(type.ordinal()).nextBytes(bytes);
    return new Tensor(name, type, shape, MemorySegment.ofArray(bytes));
  }

  @ParameterizedTest
  @EnumSource
  void aViewIsItsPartOfTheWhole(DType type) {
    Tensor all = random("blk.7.ffn_up_exps.weight", type, List.of(EXPERTS, ROWS, COLUMNS));
    float[] whole = all.toFloats();
    for (int expert = 0; expert < EXPERTS; expert++) {
      Tensor view = ExpertMatrix.UP.find(Map.of(all.name(), all), 7, expert);
      assertEquals("blk.7.ffn_up." + expert + ".weight", view.name());
      assertEquals(List.of(ROWS, COLUMNS), view.shape());
      assertEquals(type, view.type());
      int from = (int) (expert * ROWS * COLUMNS);
      assertArrayEquals(Arrays.copyOfRange(whole, from, from + (int) (ROWS * COLUMNS)), view.toFloats());
      float[] row = new float[(int) COLUMNS];
      view.dequantize(1, row, 0);
      assertArrayEquals(Arrays.copyOfRange(whole, from + (int) COLUMNS, from + 2 * (int) COLUMNS), row);
      long bytes = view.data().byteSize();
      assertEquals(all.data().asSlice(expert * bytes, bytes), view.data());
    }
  }

  @Test
  void eitherSpelling() {
    Tensor one = random("blk.0.ffn_gate.1.weight", DType.F32, List.of(ROWS, COLUMNS));
    assertSame(one, ExpertMatrix.GATE.find(Map.of(one.name(), one), 0, 1));
    assertThrows(NoSuchElementException.class, () -> ExpertMatrix.GATE.find(Map.of(one.name(), one), 0, 2));
    assertThrows(NoSuchElementException.class, () -> ExpertMatrix.DOWN.find(Map.of(one.name(), one), 0, 1));
  }

  @Test
  void partsThatAreNotThere() {
    Tensor all = random("blk.0.ffn_down_exps.weight", DType.F32, List.of(EXPERTS, ROWS, COLUMNS));
    assertThrows(IndexOutOfBoundsException.class, () -> ExpertMatrix.DOWN.find(Map.of(all.name(), all), 0, 3));
    assertThrows(IndexOutOfBoundsException.class, () -> all.part(-1, "x"));
    Tensor row = all.part(2, "x").part(1, "y");
    assertEquals(List.of(COLUMNS), row.shape());
    assertThrows(IllegalArgumentException.class, () -> row.part(0, "z"));
  }

  @Test
  void numbersOfExperts() {
    assertThrows(IllegalArgumentException.class, () -> new Experts(2, 3, 1, 0, true, Set.of()));
    assertThrows(IllegalArgumentException.class, () -> new Experts(2, 0, 1, 0, true, Set.of()));
    assertThrows(IllegalArgumentException.class, () -> new Experts(2, 1, 0, 0, true, Set.of()));
    assertThrows(IllegalArgumentException.class, () -> new Experts(2, 1, 1, -1, true, Set.of()));
  }
}
