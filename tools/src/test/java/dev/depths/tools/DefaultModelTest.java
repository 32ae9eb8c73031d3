package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The default model with its adapter: the one in the user's cache, fetched if need be. */
class DefaultModelTest {
  @BeforeAll
  static void fetch() throws IOException {
    assertTrue(DefaultModel.PACKAGE.isComplete(CachedModel.path()));
  }

  /**
   * The continuation, and the number of decisions to compute, that an independent PyTorch implementation in f32 gives without
   * the low-rank updates: they are left out beside 4-bit weights.
   */
  @Test
  void continuesATextAndSkipsBlocks() {
    CommandRun run =
        CommandRun.of("generate", "--exact", "--temp", "0", "-n", "24", "The lighthouse keeper opened the door and");
    assertEquals(0, run.code(), run.err());
    assertEquals(" stepped forward, a lone figure emerged from the darkness.\n\nThe ship's captain, a grizzled old sailor named\n",
        run.out());
    assertTrue(run.err().contains("passes through 25 routed blocks were run: 678 of 750\n"), run.err());
  }

  @Test
  void runsDenseWithoutItsAdapter() {
    CommandRun run = CommandRun.of(
        "generate", "--no-adapter", "--temp", "0", "-n", "8", "The capital of France is");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().contains("Paris"), run.out());
    assertTrue(!run.err().contains("depth "), run.err());
  }
}
