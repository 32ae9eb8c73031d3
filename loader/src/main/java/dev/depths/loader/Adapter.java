package dev.depths.loader;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/**
 * A Mixture-of-Depths adapter for a dense checkpoint: routers, and optionally low-rank updates of its matrices,
 * {@code W' = W + scale · B·A} (LoRA, arXiv 2106.09685). A safetensors file with the descriptor as JSON under the metadata
 * key {@code mod}; tensors {@code blk.N.mod_router.weight}, {@code blk.N.<matrix>.lora_a} [rank, in] and {@code .lora_b}
 * [out, rank].
 */
public final class Adapter implements AutoCloseable {
  private Adapter() {}

  /**
   * Maps an adapter file.
   *
   * @throws IOException if the file cannot be read
   * @throws LoadException if it is malformed or not supported
   */
  public static Adapter open(Path file) throws IOException {
    throw new UnsupportedOperationException("being written");
  }

  /** The semantics of the routed blocks. */
  public ModDescriptor descriptor() {
    throw new UnsupportedOperationException("being written");
  }

  /** All tensors by name: routers and LoRA factors. */
  public Map<String, Tensor> tensors() {
    throw new UnsupportedOperationException("being written");
  }

  /** Scale of the low-rank updates; 0 if there are none. */
  public float loraScale() {
    throw new UnsupportedOperationException("being written");
  }

  /** SHA-256 (hex) of the base checkpoint's file, or empty if any base of the right shape serves. */
  public String baseSha256() {
    throw new UnsupportedOperationException("being written");
  }

  /** Unmaps the file; its tensors must not be used afterwards. */
  @Override
  public void close() {}
}
