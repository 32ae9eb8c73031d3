package dev.depths.loader;

import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Positions;
import dev.depths.loader.ModDescriptor.Router;
import dev.depths.loader.ModDescriptor.SkippedKv;
import dev.depths.loader.ModDescriptor.Unit;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Yaxin9Luo/Gamma-MOD, {@code llava_hr/model/language_model/llava_llama_mod.py} (arXiv 2410.13859): the language model of a
 * LLaVA, in which one router serves all routed layers; {@code safetensors} keeps it in one of them or in each.
 */
final class GammaModImporter implements ModImporter {
  private static final String BLOCKS = "mod.mod_layers_idx";
  private static final Pattern ROUTERS = Pattern.compile("model\\.layers\\.\\d+\\.router\\.weight");
  /** Constants of the code: more than the first of the tokens of a prompt, at least the second of others. */
  private static final double PREFILL_THRESHOLD = 0.005;
  private static final double THRESHOLD = 0.5;

  @Override
  public boolean recognises(Metadata config, SourceTensors tensors) {
    return config.has(BLOCKS);
  }

  @Override
  public ImportedModel read(Metadata config, SourceTensors tensors) {
    List<Integer> blocks = blocks(config);
    tensors.share(ROUTERS, "model.mod_router.weight");
    return ImportedModel.huggingFace(Llava.language(config), tensors.toGguf(Llava.names()),
        blocks.isEmpty() ? Optional.empty() : Optional.of(descriptor(blocks)),
        Optional.of("trained with gamma-MoD; its language model, without the vision tower. The threshold for prompts is "
            + "exclusive in its own code"));
  }

  private static List<Integer> blocks(Metadata config) {
    int layers = config.requireInt("num_hidden_layers", 1, Limits.BLOCKS);
    TreeSet<Integer> blocks = new TreeSet<>();
    for (Object value : config.list(BLOCKS).orElse(List.of())) {
      if (!(value instanceof Long id) || id < 0 || id >= layers || !blocks.add(id.intValue())) {
        throw config.malformed(
            BLOCKS, "holds " + Metadata.shown(value) + ", expected layers from 0 to " + (layers - 1) + ", each once");
      }
    }
    return List.copyOf(blocks);
  }

  private static ModDescriptor descriptor(List<Integer> blocks) {
    return new ModDescriptor(blocks, Part.BLOCK, Unit.TOKEN,
        new Router(Router.Form.LINEAR2, Router.Activation.SILU, true, true),
        Selections.atLeast(THRESHOLD, OptionalDouble.of(PREFILL_THRESHOLD)),
        new Combine(Combine.Form.GATE_MLP, Combine.Gate.SIGMOID), Positions.COMPACTED, SkippedKv.ABSENT, 0);
  }
}
