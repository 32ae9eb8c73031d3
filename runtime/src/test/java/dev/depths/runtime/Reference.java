package dev.depths.runtime;

import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModelConfig;
import dev.depths.loader.ModelConfig.Rope;
import dev.depths.loader.Tensor;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * The forward pass as the papers write it, in doubles, over a whole sequence at once: RMSNorm (1910.07467), RoPE
 * (2104.09864), grouped-query attention (2305.13245), SwiGLU (2002.05202), Mixture of Depths (2404.02258). Shares
 * nothing with the runtime but the tensors.
 */
final class Reference {
  private final ModelConfig c;
  private final ModDescriptor mod;
  private final Function<String, double[][]> matrices;
  private final UnaryOperator<double[]> input;
  private final UnaryOperator<double[]> held;

  /** Logits [token][vocabulary], and for each block the positions it computed. */
  record Result(double[][] logits, int[][] computed) {}

  Reference(TinyModel model) {
    this(model, UnaryOperator.identity(), UnaryOperator.identity());
  }

  /**
   * @param input what a matrix is multiplied with instead of its input
   * @param held what is held of keys and values
   */
  Reference(TinyModel model, UnaryOperator<double[]> input, UnaryOperator<double[]> held) {
    this(model.config(), model.mod().orElse(null), matrices(model.tensors()), input, held);
  }

  /**
   * @param mod null for a dense model
   * @param matrices gives a tensor by name as rows, a vector as one row; null if there is none
   */
  Reference(ModelConfig config, ModDescriptor mod, Function<String, double[][]> matrices,
      UnaryOperator<double[]> input, UnaryOperator<double[]> held) {
    this.c = config;
    this.mod = mod;
    this.matrices = matrices;
    this.input = input;
    this.held = held;
  }

  private static Function<String, double[][]> matrices(Map<String, Tensor> tensors) {
    Map<String, double[][]> matrices = new HashMap<>();
    tensors.keySet().forEach(name -> matrices.put(name, matrix(tensors, name)));
    return matrices::get;
  }

  static double[][] matrix(Map<String, Tensor> tensors, String name) {
    Tensor t = tensors.get(name);
    float[] values = t.toFloats();
    int columns = t.columns();
    double[][] m = new double[values.length / columns][columns];
    for (int i = 0; i < values.length; i++) {
      m[i / columns][i % columns] = values[i];
    }
    return m;
  }

  Result run(int[] tokens) {
    double[][] embedding = matrices.apply("token_embd.weight");
    double[][] x = Arrays.stream(tokens).mapToObj(t -> embedding[t].clone()).toArray(double[][]::new);
    int[][] computed = new int[c.blocks()][];
    for (int b = 0; b < c.blocks(); b++) {
      computed[b] = block(b, x);
    }
    double[] norm = vector("output_norm.weight");
    double[][] output = c.tiedEmbedding() ? embedding : matrices.apply("output.weight");
    double[][] logits = Arrays.stream(x).map(row -> times(output, rmsNorm(row, norm))).toArray(double[][]::new);
    return new Result(logits, computed);
  }

  /** Updates the residual stream of the tokens that the block chooses; returns which. */
  private int[] block(int b, double[][] x) {
    String prefix = "blk." + b + ".";
    double[] scores = null;
    int[] chosen = IntStream.range(0, x.length).toArray();
    if (mod != null && mod.blocks().contains(b)) {
      double[] router = vector(prefix + "mod_router.weight");
      double[] bias = vector(prefix + "mod_router.bias");
      scores = IntStream.range(0, x.length).mapToDouble(i -> dot(router, x[i]) + (bias == null ? 0 : bias[0])
          + mod.router().positionSlope() * Math.log(1 + i)).toArray();
      double[] s = scores;
      chosen = Arrays.stream(chosen).filter(i -> i < mod.selection().initialTokens() || sigmoid(s[i]) > mod.selection().thresholdOf(mod.blocks().indexOf(b))).toArray();
    }
    double[][] f = blockOutputs(prefix, x, chosen);
    if (scores != null && mod.bypass() == ModDescriptor.Bypass.LOWRANK) {
      bypass(prefix, x, Arrays.stream(chosen).boxed().toList());
    }
    for (int i = 0; i < chosen.length; i++) {
      double gate = scores == null ? 1 : switch (mod.combine().gate()) {
        case ONE -> 1;
        case SCORE -> scores[chosen[i]];
        case SIGMOID -> sigmoid(scores[chosen[i]]);
        case TANH -> 1 + 0.2 * Math.tanh(scores[chosen[i]]);
        case SOFTMAX -> throw new IllegalArgumentException("not covered");
      };
      for (int j = 0; j < c.embedding(); j++) {
        x[chosen[i]][j] += gate * f[i][j];
      }
    }
    return chosen;
  }

  /** Attention plus MLP, without the residual, of the chosen tokens among themselves. */
  private double[][] blockOutputs(String prefix, double[][] x, int[] chosen) {
    int n = chosen.length;
    double[][] q = new double[n][];
    double[][] k = new double[n][];
    double[][] v = new double[n][];
    for (int i = 0; i < n; i++) {
      double[] h = rmsNorm(x[chosen[i]], vector(prefix + "attn_norm.weight"));
      q[i] = rotated(projected(prefix + "attn_q", h), c.heads(), vector(prefix + "attn_q_norm.weight"), chosen[i]);
      double[] key =
          rotated(projected(prefix + "attn_k", h), c.kvHeads(), vector(prefix + "attn_k_norm.weight"), chosen[i]);
      k[i] = held.apply(key);
      v[i] = held.apply(projected(prefix + "attn_v", h));
    }
    double[][] f = new double[n][];
    for (int i = 0; i < n; i++) {
      double[] attention = times(matrices.apply(prefix + "attn_output.weight"), attended(q[i], k, v, i + 1));
      double[] h = rmsNorm(sum(x[chosen[i]], attention), vector(prefix + "ffn_norm.weight"));
      double[] gate = times(matrices.apply(prefix + "ffn_gate.weight"), h);
      double[] up = times(matrices.apply(prefix + "ffn_up.weight"), h);
      double[] hidden = IntStream.range(0, gate.length).mapToDouble(j -> gate[j] * sigmoid(gate[j]) * up[j]).toArray();
      f[i] = sum(attention, times(matrices.apply(prefix + "ffn_down.weight"), hidden));
    }
    return f;
  }

  /** x + B·silu(A·norm(x)) for the tokens that were not chosen. */
  private void bypass(String prefix, double[][] x, List<Integer> chosen) {
    double[][] a = matrices.apply(prefix + "mod_bypass_a.weight");
    double[][] b = matrices.apply(prefix + "mod_bypass_b.weight");
    for (int i = 0; i < x.length; i++) {
      if (!chosen.contains(i)) {
        double[] h = rmsNorm(x[i], vector(prefix + "attn_norm.weight"));
        double[] hidden = Arrays.stream(a).mapToDouble(row -> dot(row, h)).map(v -> v * sigmoid(v)).toArray();
        x[i] = sum(x[i], Arrays.stream(b).mapToDouble(row -> dot(row, hidden)).toArray());
      }
    }
  }

  private double[] projected(String name, double[] h) {
    double[] y = times(matrices.apply(name + ".weight"), h);
    double[] bias = vector(name + ".bias");
    return bias == null ? y : sum(y, bias);
  }

  /** Per-head norm, if there is one, then RoPE. */
  private double[] rotated(double[] x, int heads, double[] norm, int position) {
    int n = c.headDim();
    double[] out = new double[x.length];
    for (int h = 0; h < heads; h++) {
      double[] head = Arrays.copyOfRange(x, h * n, (h + 1) * n);
      if (norm != null) {
        head = rmsNorm(head, norm);
      }
      for (int i = 0; i < n / 2; i++) {
        boolean interleaved = c.rope().layout() == Rope.Layout.INTERLEAVED;
        int first = interleaved ? 2 * i : i;
        int second = interleaved ? 2 * i + 1 : i + n / 2;
        double angle = (double) position * c.rope().inverseFrequencies()[i];
        double cos = Math.cos(angle) * c.rope().magnitude();
        double sin = Math.sin(angle) * c.rope().magnitude();
        out[h * n + first] = head[first] * cos - head[second] * sin;
        out[h * n + second] = head[first] * sin + head[second] * cos;
      }
    }
    return out;
  }

  /** One query over the first {@code visible} keys and values. */
  private double[] attended(double[] q, double[][] k, double[][] v, int visible) {
    int n = c.headDim();
    double[] out = new double[q.length];
    for (int h = 0; h < c.heads(); h++) {
      int kv = h / (c.heads() / c.kvHeads()) * n;
      double[] weights = new double[visible];
      double sum = 0;
      for (int i = 0; i < visible; i++) {
        double score = 0;
        for (int j = 0; j < n; j++) {
          score += q[h * n + j] * k[i][kv + j];
        }
        weights[i] = Math.exp(score / Math.sqrt(n));
        sum += weights[i];
      }
      for (int i = 0; i < visible; i++) {
        for (int j = 0; j < n; j++) {
          out[h * n + j] += weights[i] / sum * v[i][kv + j];
        }
      }
    }
    return out;
  }

  private double[] rmsNorm(double[] x, double[] weight) {
    double root = Math.sqrt(dot(x, x) / x.length + c.rmsEpsilon());
    return IntStream.range(0, x.length).mapToDouble(i -> x[i] / root * weight[i]).toArray();
  }

  private double[] vector(String name) {
    double[][] m = matrices.apply(name);
    return m == null ? null : m[0];
  }

  private double[] times(double[][] m, double[] x) {
    double[] in = input.apply(x);
    return Arrays.stream(m).mapToDouble(row -> dot(row, in)).toArray();
  }

  private static double[] sum(double[] a, double[] b) {
    return IntStream.range(0, a.length).mapToDouble(i -> a[i] + b[i]).toArray();
  }

  /** Rounded to half floats, as the fast mode holds keys and values. */
  static double[] halves(double[] x) {
    return Arrays.stream(x).map(v -> Float.float16ToFloat(Float.floatToFloat16((float) v))).toArray();
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }
}
