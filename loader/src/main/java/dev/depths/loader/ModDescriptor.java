package dev.depths.loader;

import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * What a Mixture-of-Depths checkpoint computes. Checkpoints disagree on the details, so each carries this descriptor
 * and the runtime executes it. What each value means is written in {@code loader/MOD-SCHEMA.md}. Paper: Raposo et al.
 * 2024, arXiv 2404.02258.
 *
 * @param blocks ids of the routed blocks, ascending; empty if only experts are routed
 * @param part what of a block a routed token skips
 * @param unit whether tokens or whole sequences are routed
 * @param router where scores come from
 * @param selection how scores choose tokens
 * @param combine how the output of what was computed joins the residual stream
 * @param positions which positions RoPE sees
 * @param skippedKv whether skipped tokens leave keys and values
 * @param bypass what skipped tokens get instead
 * @param noopExperts experts of each mixture-of-experts MLP that compute nothing (integrated MoDE)
 */
public record ModDescriptor(
    List<Integer> blocks,
    Part part,
    Unit unit,
    Router router,
    Selection selection,
    Combine combine,
    Positions positions,
    SkippedKv skippedKv,
    Bypass bypass,
    int noopExperts) {

  /**
   * @throws IllegalArgumentException if blocks are not ascending ids, there is not one capacity or threshold for each, whole
   *     sequences are not selected by a threshold, or the formula is of a whole block and the part is not
   */
  public ModDescriptor {
    blocks = List.copyOf(blocks);
    for (int i = 0; i < blocks.size(); i++) {
      if (blocks.get(i) < 0 || i > 0 && blocks.get(i) <= blocks.get(i - 1)) {
        throw new IllegalArgumentException("blocks " + blocks + " are not ascending ids");
      }
    }
    int capacities = selection.capacities().size();
    if (capacities != blocks.size() && (capacities != 0 || selection.rule() == Rule.TOPK)) {
      throw new IllegalArgumentException(capacities + " capacities for " + blocks.size() + " blocks");
    }
    int thresholds = selection.thresholds().size();
    if (thresholds != 1 && thresholds != blocks.size()) {
      throw new IllegalArgumentException(thresholds + " thresholds for " + blocks.size() + " blocks");
    }
    if (unit == Unit.SEQUENCE && (selection.rule() != Rule.THRESHOLD || selection.initialTokens() > 0
        || combine.gate() == Combine.Gate.SOFTMAX || router.positionSlope() != 0)) {
      throw new IllegalArgumentException(
          "whole sequences are selected by a threshold alone, without positions, and not gated by a softmax");
    }
    if (combine.form().gatesMlp() && part != Part.BLOCK) {
      throw new IllegalArgumentException("combine gates the MLP of a whole block, but the part is " + part);
    }
  }

  /** A descriptor whose skipped tokens stay as they are. */
  public ModDescriptor(List<Integer> blocks, Part part, Unit unit, Router router, Selection selection, Combine combine,
      Positions positions, SkippedKv skippedKv, int noopExperts) {
    this(blocks, part, unit, router, selection, combine, positions, skippedKv, Bypass.NONE, noopExperts);
  }

  /** The common case: a linear router for each block, a threshold on its score, tokens that skip whole blocks. */
  public static ModDescriptor linear(List<Integer> blocks, Combine combine) {
    return new ModDescriptor(blocks, Part.BLOCK, Unit.TOKEN,
        new Router(Router.Form.LINEAR, Router.Activation.SILU, false, false), Selection.threshold(0.5), combine,
        Positions.ORIGINAL, SkippedKv.ABSENT, 0);
  }

  /**
   * The descriptor as {@code MOD-SCHEMA.md} spells it: keys without {@code mod.}, with values as GGUF and JSON hold them.
   * Keys that change nothing are left out.
   */
  public Map<String, Object> keys() {
    return ModWriter.keys(this);
  }

  /** What of a block a routed token skips; the rest runs for every token. */
  public enum Part {
    BLOCK,
    ATTENTION,
    MLP,
    /** Each half of the block has a router and decisions of its own. */
    EACH_HALF
  }

  /** Whether tokens or whole sequences are routed. */
  public enum Unit { TOKEN, SEQUENCE }

  /**
   * The router. Always computed in f32.
   *
   * @param form its form
   * @param activation between the layers of {@link Form#MLP}
   * @param normed whether it sees the input of the block's attention, that is after the norm, instead of the residual
   *     stream
   * @param shared whether one router serves all routed blocks
   * @param positionSlope what is added to each score, the router's and the predictor's, times ln(1 + the token's position)
   */
  public record Router(Form form, Activation activation, boolean normed, boolean shared, double positionSlope) {
    /** @throws IllegalArgumentException if the slope is not finite */
    public Router {
      if (!Double.isFinite(positionSlope)) {
        throw new IllegalArgumentException("a slope of " + positionSlope);
      }
    }

    /** A router that does not see positions. */
    public Router(Form form, Activation activation, boolean normed, boolean shared) {
      this(form, activation, normed, shared, 0);
    }

    /** w·x + b; the difference of two such; or two layers. */
    public enum Form { LINEAR, LINEAR2, MLP }

    /** See {@link Router#activation}. */
    public enum Activation { SILU, RELU, GELU, TANH, IDENTITY }
  }

  /** How scores choose tokens. */
  public enum Rule { TOPK, THRESHOLD, PREDICTOR }

  /**
   * How scores choose tokens.
   *
   * @param rule of training and scoring
   * @param causal the rule for generation: the same if it is causal, another that the checkpoint names, or null
   * @param capacities for each routed block the share of tokens it was trained to compute, in (0, 1]; empty if not stated
   * @param rounding of capacity times tokens, which is k, for {@link Rule#TOPK}
   * @param leastTokens lower bound of k
   * @param mostTokens upper bound of k; 0 for none
   * @param ties which of equal scores are chosen, where k ends among them
   * @param thresholds on sigmoid(score): one for all routed blocks, or, if they differ, one for each
   * @param prefillThreshold another for the tokens of a prompt, in all blocks
   * @param inclusive whether a token exactly at the threshold is chosen
   * @param initialTokens the first n positions are always chosen
   */
  public record Selection(Rule rule, Rule causal, List<Double> capacities, Rounding rounding, int leastTokens,
      int mostTokens, Ties ties, List<Double> thresholds, OptionalDouble prefillThreshold, boolean inclusive,
      int initialTokens) {
    /**
     * @throws IllegalArgumentException if capacities are not in (0, 1], thresholds not in [0, 1] or none, counts negative, or
     *     the causal rule is not one
     */
    public Selection {
      capacities = List.copyOf(capacities);
      if (capacities.stream().anyMatch(c -> !(c > 0 && c <= 1))) {
        throw new IllegalArgumentException("capacities " + capacities + " are not in (0, 1]");
      }
      thresholds = thresholds.stream().distinct().count() == 1 ? List.of(thresholds.getFirst()) : List.copyOf(thresholds);
      if (thresholds.isEmpty() || !thresholds.stream().allMatch(Selection::isShare)
          || prefillThreshold.isPresent() && !isShare(prefillThreshold.getAsDouble())) {
        throw new IllegalArgumentException("thresholds " + thresholds + ", " + prefillThreshold + " are not in [0, 1]");
      }
      if (initialTokens < 0 || leastTokens < 0 || mostTokens < 0) {
        throw new IllegalArgumentException("negative counts of tokens");
      }
      if (causal == Rule.TOPK || rule != Rule.TOPK && causal != rule) {
        throw new IllegalArgumentException(causal + " is not the causal rule that goes with " + rule);
      }
    }

    /** A selection with one threshold for all routed blocks. */
    public Selection(Rule rule, Rule causal, List<Double> capacities, Rounding rounding, int leastTokens, int mostTokens,
        Ties ties, double threshold, OptionalDouble prefillThreshold, boolean inclusive, int initialTokens) {
      this(rule, causal, capacities, rounding, leastTokens, mostTokens, ties, List.of(threshold), prefillThreshold, inclusive,
          initialTokens);
    }

    /** The threshold of the {@code i}-th routed block. */
    public double thresholdOf(int i) {
      return thresholds.size() == 1 ? thresholds.getFirst() : thresholds.get(i);
    }

    private static boolean isShare(double x) {
      return x >= 0 && x <= 1;
    }

    /** A threshold on sigmoid(score), and nothing else stated. */
    public static Selection threshold(double threshold) {
      return new Selection(Rule.THRESHOLD, Rule.THRESHOLD, List.of(), Rounding.FLOOR, 1, 0, Ties.FIRST, threshold,
          OptionalDouble.empty(), false, 0);
    }

    /** This selection with the first {@code n} positions always chosen. */
    public Selection withInitialTokens(int n) {
      return new Selection(rule, causal, capacities, rounding, leastTokens, mostTokens, ties, thresholds, prefillThreshold,
          inclusive, n);
    }
  }

  /** How capacity times tokens becomes k; ROUND takes halves to even. */
  public enum Rounding { FLOOR, CEIL, ROUND }

  /** Which of the tokens at the k-th highest score are chosen. */
  public enum Ties {
    /** The earlier positions, until there are k. */
    FIRST,
    /** None; but if k is 1, all. */
    ABOVE,
    /** All. */
    ALL
  }

  /** How the output of what was computed joins the residual stream: a form, in which a gate appears. */
  public record Combine(Form form, Gate gate) {
    /** The paper's x + r·f. */
    public static final Combine SCORE = new Combine(Form.ADD, Gate.SCORE);
    /** The hard gate x + f. */
    public static final Combine HARD = new Combine(Form.ADD, Gate.ONE);

    /** Whether the output is added as it is, x + f. */
    public boolean isHard() {
      return form == Form.ADD && gate == Gate.ONE;
    }

    /** Where the gate g stands; f is the output of the part, a and m those of attention and MLP. */
    public enum Form {
      /** x + g·f. */
      ADD,
      /** g·(x + f). */
      SCALE_BLOCK,
      /** x + g·(x + f). */
      ADD_BLOCK,
      /** x + a + g·m. */
      GATE_MLP,
      /** x + (x + a + g·m). */
      ADD_GATED_MLP;

      /** Whether the gate is on the MLP branch of a whole block. */
      public boolean gatesMlp() {
        return this == GATE_MLP || this == ADD_GATED_MLP;
      }
    }

    /** What the gate is, r being the router's score. */
    public enum Gate {
      /** 1. */
      ONE,
      /** r. */
      SCORE,
      /** sigmoid(r). */
      SIGMOID,
      /** exp(r) over the sum of it of all chosen tokens, or, under a causal rule, of those so far. */
      SOFTMAX,
      /** 1 + 0.2·tanh(r). */
      TANH
    }
  }

  /** Which positions RoPE sees: a token's own, or its index among those whose keys the block holds. */
  public enum Positions { ORIGINAL, COMPACTED }

  /** Whether tokens that skip attention leave keys and values in the block's cache. */
  public enum SkippedKv { ABSENT, PROJECTED }

  /** What tokens get that skip a part: nothing, or B·silu(A·norm(x)) of low rank (FlexiDepth, arXiv 2503.23798). */
  public enum Bypass { NONE, LOWRANK }
}
