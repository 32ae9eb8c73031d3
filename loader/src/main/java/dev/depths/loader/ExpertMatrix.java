package dev.depths.loader;

import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;

/**
 * The three matrices of an expert. Files have those of a block's experts in one tensor, or, as GGUF files of before April
 * 2024 and Hugging Face directories do, each in a tensor of its own; names as in llama.cpp ({@code src/llama-arch.cpp}).
 */
public enum ExpertMatrix {
  /** [feedForward, d]. */
  GATE("ffn_gate"),
  /** [feedForward, d]. */
  UP("ffn_up"),
  /** [d, feedForward]. */
  DOWN("ffn_down");

  private final String name;

  ExpertMatrix(String name) {
    this.name = name;
  }

  /** Name of the matrix of a dense MLP, {@code blk.N.ffn_gate.weight}. */
  String dense(int block) {
    return "blk." + block + '.' + name + ".weight";
  }

  /** Name of the matrices of all experts, {@code blk.N.ffn_gate_exps.weight} [count, rows, columns]. */
  String stacked(int block) {
    return "blk." + block + '.' + name + "_exps.weight";
  }

  /** Name of one expert's matrix, {@code blk.N.ffn_gate.E.weight}. */
  String single(int block, int expert) {
    return "blk." + block + '.' + name + '.' + expert + ".weight";
  }

  /** Name of the shared expert's matrix, {@code blk.N.ffn_gate_shexp.weight}. */
  String shared(int block) {
    return "blk." + block + '.' + name + "_shexp.weight";
  }

  /**
   * The shape of the matrix.
   *
   * @param d width of the residual stream
   * @param hidden width of the hidden layer
   */
  List<Long> shape(long d, long hidden) {
    return this == DOWN ? List.of(d, hidden) : List.of(hidden, d);
  }

  /**
   * One expert's matrix, whichever way the file has it: a view named {@code blk.N.ffn_gate.E.weight}.
   *
   * @throws NoSuchElementException if there is none; in a checkpoint there is
   * @throws IndexOutOfBoundsException if there are fewer experts
   */
  public Tensor find(Map<String, Tensor> tensors, int block, int expert) {
    String single = single(block, expert);
    Tensor all = tensors.get(stacked(block));
    Tensor one = all != null ? all.part(expert, single) : tensors.get(single);
    if (one == null) {
      throw new NoSuchElementException("no tensor " + single);
    }
    return one;
  }
}
