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
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * The PyPI package {@code mixture-of-depth} 1.2.0 (astramind-ai/Mixture-of-depths), with which LLaMA-Factory trains: the odd
 * layers of a transformers model are wrapped, and their capacity is a constant of the code ({@code MoD/MoD.py}).
 */
final class MixtureOfDepthImporter implements ModImporter {
  private static final double CAPACITY = 0.125;
  private static final String ROUTER = "model\\.layers\\.(\\d+)\\.router\\.weight_predictor\\.(weight|bias)";
  private static final Pattern ROUTERS = Pattern.compile(ROUTER);
  private static final TensorNames NAMES = new TensorNames()
      .to(ROUTER, "model.layers.$1.mod_router.$2")
      .to("model\\.layers\\.(\\d+)\\.block\\.(.+)", "model.layers.$1.$2");

  @Override
  public boolean recognises(Metadata config, SourceTensors tensors) {
    return tensors.has(ROUTERS);
  }

  @Override
  public ImportedModel read(Metadata config, SourceTensors tensors) {
    int layers = config.requireInt("num_hidden_layers", 1, Limits.BLOCKS);
    List<Integer> odd = IntStream.range(0, layers).filter(layer -> layer % 2 == 1).boxed().toList();
    double capacity = config.share("capacity").orElse(CAPACITY);
    return ImportedModel.huggingFace(config, tensors.toGguf(NAMES),
        odd.isEmpty() ? Optional.empty() : Optional.of(descriptor(odd, capacity)),
        Optional.of("trained with mixture-of-depth; its own generation runs every block for each token after the prompt"));
  }

  private static ModDescriptor descriptor(List<Integer> blocks, double capacity) {
    return new ModDescriptor(blocks, Part.BLOCK, Unit.TOKEN,
        new Router(Router.Form.LINEAR, Router.Activation.SILU, false, false),
        Selections.topk(blocks.size(), capacity, 1, 0, Ties.ABOVE, null),
        new Combine(Combine.Form.SCALE_BLOCK, Combine.Gate.SCORE), Positions.ORIGINAL, SkippedKv.ABSENT, 0);
  }
}
