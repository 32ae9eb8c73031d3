package dev.depths.loader;

import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Positions;
import dev.depths.loader.ModDescriptor.Router;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.loader.ModDescriptor.SkippedKv;
import dev.depths.loader.ModDescriptor.Ties;
import dev.depths.loader.ModDescriptor.Unit;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * joey00072/ohara, {@code experiments/mixture_of_depth}: the even layers are routed, with a predictor beside each router,
 * which the code trains and does not use yet. Its {@code apply_rope(k, q)} is called with queries first and gives keys
 * first, so what it names key takes the part of the query, and the other way round.
 */
final class OharaImporter implements ModImporter {
  private static final String LAYER = "model\\.layers\\.(\\d+)\\.(?:transformer_decoder_block\\.)?";
  private static final Pattern WRAPPED = Pattern.compile("model\\.layers\\.\\d+\\.transformer_decoder_block\\..+");
  private static final LlamaKeys KEYS =
      new LlamaKeys("d_model", "num_heads", "num_kv_heads", "num_layers", "seq_len", 64, "norm_eps", 1e-5);
  private static final double CAPACITY = 0.12;
  private static final TensorNames NAMES = new TensorNames()
      .to("model\\.layers\\.(\\d+)\\.router\\.weight", "model.layers.$1.mod_router.weight")
      .to("model\\.layers\\.(\\d+)\\.aux_router\\.0\\.(weight|bias)", "model.layers.$1.mod_predictor_up.$2")
      .to("model\\.layers\\.(\\d+)\\.aux_router\\.2\\.(weight|bias)", "model.layers.$1.mod_predictor_down.$2")
      .to(LAYER + "attn\\.key\\.(weight|bias)", "model.layers.$1.self_attn.q_proj.$2")
      .to(LAYER + "attn\\.query\\.(weight|bias)", "model.layers.$1.self_attn.k_proj.$2")
      .to(LAYER + "attn\\.value\\.(weight|bias)", "model.layers.$1.self_attn.v_proj.$2")
      .to(LAYER + "attn\\.proj\\.weight", "model.layers.$1.self_attn.o_proj.weight")
      .to(LAYER + "ff\\.(?:gate|w1)\\.weight", "model.layers.$1.mlp.gate_proj.weight")
      .to(LAYER + "ff\\.(?:up|w3)\\.weight", "model.layers.$1.mlp.up_proj.weight")
      .to(LAYER + "ff\\.(?:down|w2)\\.weight", "model.layers.$1.mlp.down_proj.weight")
      .to(LAYER + "norm1\\.weight", "model.layers.$1.input_layernorm.weight")
      .to(LAYER + "norm2\\.weight", "model.layers.$1.post_attention_layernorm.weight")
      .to("model\\.token_emb\\.weight", "model.embed_tokens.weight")
      .drop("model\\.mask");

  @Override
  public boolean recognises(Metadata config, SourceTensors tensors) {
    return tensors.has(WRAPPED);
  }

  @Override
  public ImportedModel read(Metadata config, SourceTensors tensors) {
    if (config.booleanOr("mixture_of_expert", false)) {
      throw config.unsupported("mixture_of_expert is true; ohara's experts are not supported");
    }
    String mlp = config.string("ffn").orElse("swiglu");
    if (!mlp.equals("swiglu")) {
      throw config.unsupported("ffn is " + Metadata.shown(mlp) + "; supported is swiglu");
    }
    int layers = KEYS.blocks(config);
    if (layers % 2 != 0) {
      throw config.malformed("num_layers", "is " + layers + ", expected an even number");
    }
    List<Integer> even = IntStream.range(0, layers).filter(layer -> layer % 2 == 0).boxed().toList();
    double capacity = config.share("capacity_factor").orElse(CAPACITY);
    // Whichever a file has of the two names of the one matrix.
    tensors.tie("model.token_emb.weight", "model.vocab_proj.weight");
    SequencedMap<String, Tensor> named = tensors.toGguf(NAMES);
    return ImportedModel.llama(KEYS, config, named, Optional.of(descriptor(even, capacity)),
        Optional.of("trained with ohara; generation by the predictor, which its own code leaves to be done"));
  }

  private static ModDescriptor descriptor(List<Integer> blocks, double capacity) {
    return new ModDescriptor(blocks, Part.BLOCK, Unit.TOKEN,
        new Router(Router.Form.LINEAR, Router.Activation.SILU, false, false),
        Selections.topk(blocks.size(), capacity, 0, 0, Ties.FIRST, Rule.PREDICTOR),
        new Combine(Combine.Form.ADD_BLOCK, Combine.Gate.SOFTMAX), Positions.COMPACTED, SkippedKv.ABSENT, 0);
  }
}
