package dev.depths.loader;

import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Positions;
import dev.depths.loader.ModDescriptor.Router;
import dev.depths.loader.ModDescriptor.SkippedKv;
import dev.depths.loader.ModDescriptor.Ties;
import dev.depths.loader.ModDescriptor.Unit;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * epfml/llm-baselines, branch mixture_of_depth: {@code src/models/mod.py} around blocks of {@code src/models/llama.py}. The
 * tensors tell which layers are routed; the branch's own rule for that is not part of its checkpoints. A block sees the
 * tokens of its capacity alone and so counts their positions.
 */
final class LlmBaselinesImporter implements ModImporter {
  private static final String LAYER = "transformer\\.h\\.(\\d+)\\.";
  private static final String BLOCK = LAYER + "(?:block\\.)?";
  private static final Pattern ROUTERS = Pattern.compile(LAYER + "mod_router\\.weight");
  private static final Pattern WRAPPED = Pattern.compile(LAYER + "block\\..+");
  private static final Pattern FUSED = Pattern.compile(BLOCK + "attn\\.c_attn\\.(weight|bias)");
  private static final Pattern GPT2 =
      Pattern.compile("transformer\\.wpe\\..+|" + BLOCK + "mlp\\.c_fc\\..+|transformer\\.(?:.+\\.)?ln_[12f]\\.bias");
  /** Where the code repeats keys and values for no group of heads. */
  private static final LlamaKeys KEYS =
      new LlamaKeys("n_embd", "n_head", "n_head", "n_layer", "sequence_length", 512, "rmsnorm_eps", 1e-5);
  private static final TensorNames NAMES = new TensorNames()
      .to(LAYER + "mod_router\\.weight", "model.layers.$1.mod_router.weight")
      .to(BLOCK + "attn\\.c_proj\\.weight", "model.layers.$1.self_attn.o_proj.weight")
      .to(BLOCK + "mlp\\.w1\\.weight", "model.layers.$1.mlp.gate_proj.weight")
      .to(BLOCK + "mlp\\.w2\\.weight", "model.layers.$1.mlp.up_proj.weight")
      .to(BLOCK + "mlp\\.c_proj\\.weight", "model.layers.$1.mlp.down_proj.weight")
      .to(BLOCK + "ln_1\\.weight", "model.layers.$1.input_layernorm.weight")
      .to(BLOCK + "ln_2\\.weight", "model.layers.$1.post_attention_layernorm.weight")
      .to("transformer\\.wte\\.weight", "model.embed_tokens.weight")
      .to("transformer\\.ln_f\\.weight", "model.norm.weight")
      // The mask of attention without fused kernels.
      .drop(BLOCK + "attn\\.bias");

  @Override
  public boolean recognises(Metadata config, SourceTensors tensors) {
    return tensors.has(ROUTERS);
  }

  @Override
  public ImportedModel read(Metadata config, SourceTensors tensors) {
    tensors.refuse(GPT2, "is of a GPT-2; of llm-baselines' models llama is supported");
    List<Integer> blocks = layers(tensors, ROUTERS);
    for (int layer : layers(tensors, WRAPPED)) {
      if (!blocks.contains(layer)) {
        throw new MalformedFileException(
            tensors.directory(), "tensor transformer.h." + layer + ".mod_router.weight", "is missing");
      }
    }
    tensors.names(FUSED).forEach(name -> split(tensors, name));
    tensors.tie("transformer.wte.weight", "lm_head.weight");
    double capacity = config.share("mod_capacity_factor")
        .orElseThrow(() -> config.malformed("mod_capacity_factor", "is missing"));
    SequencedMap<String, Tensor> named = tensors.toGguf(NAMES);
    return ImportedModel.llama(KEYS, config, named,
        Optional.of(descriptor(blocks, capacity, mostTokens(config, capacity))),
        Optional.of("trained with llm-baselines; its own code has no rule for generation"));
  }

  private static List<Integer> layers(SourceTensors tensors, Pattern pattern) {
    return tensors.names(pattern).stream().map(pattern::matcher).filter(Matcher::matches).map(m -> m.group(1))
        .filter(number -> number.length() <= 4).map(Integer::valueOf).distinct().sorted().toList();
  }

  /** Makes three of the rows for queries, keys and values. */
  private static void split(SourceTensors tensors, String name) {
    Matcher matcher = FUSED.matcher(name);
    Tensor fused = tensors.take(name);
    if (!matcher.matches() || fused.shape().getFirst() % 3 != 0) {
      throw tensors.malformed(fused, "has the shape " + fused.shape() + ", expected rows for queries, keys and values");
    }
    for (int part = 0; part < 3; part++) {
      tensors.put("model.layers." + matcher.group(1) + ".self_attn." + "qkv".charAt(part) + "_proj." + matcher.group(2),
          SourceTensors.third(fused, part));
    }
  }

  /** What the capacity makes of the longest sequence of the training; 0 for no bound. */
  private static int mostTokens(Metadata config, double capacity) {
    if (!config.has("sequence_length")) {
      return 0;
    }
    int most = (int) (capacity * config.requireInt("sequence_length", 1, Integer.MAX_VALUE));
    if (most == 0) {
      throw config.unsupported("mod_capacity_factor is " + capacity + ", which makes no token of sequence_length");
    }
    return most;
  }

  private static ModDescriptor descriptor(List<Integer> blocks, double capacity, int mostTokens) {
    return new ModDescriptor(blocks, Part.BLOCK, Unit.TOKEN,
        new Router(Router.Form.LINEAR, Router.Activation.SILU, false, false),
        Selections.topk(blocks.size(), capacity, 0, mostTokens, Ties.FIRST, null),
        new Combine(Combine.Form.ADD_BLOCK, Combine.Gate.SCORE), Positions.COMPACTED, SkippedKv.ABSENT, 0);
  }
}
