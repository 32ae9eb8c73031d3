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
 * sramshetty/mixture-of-depths, {@code mixture_of_depths/routing_transformer.py} since its commit 485e14d: a Llama 2 in which
 * one router, and perhaps one predictor, serves all routed layers; every layer's state dict lists them. The block's output,
 * residual and all, is added to the residual stream; the capacity is a number of tokens.
 */
final class SramshettyImporter implements ModImporter {
  private static final String OF_ANY_LAYER = "(?:layers\\.\\d+\\.)?";
  private static final Pattern ROUTERS = Pattern.compile(OF_ANY_LAYER + "router\\.weight");
  private static final Pattern PREDICTOR_UP = Pattern.compile(OF_ANY_LAYER + "aux_router\\.0\\.weight");
  private static final Pattern PREDICTOR_DOWN = Pattern.compile(OF_ANY_LAYER + "aux_router\\.2\\.weight");
  private static final TensorNames NAMES = Llama2.names();

  @Override
  public boolean recognises(Metadata config, SourceTensors tensors) {
    return config.has("router_skip_blocks") && tensors.has(ROUTERS);
  }

  @Override
  public ImportedModel read(Metadata config, SourceTensors tensors) {
    boolean predicts = tensors.has(PREDICTOR_UP);
    tensors.share(ROUTERS, "model.mod_router.weight");
    tensors.share(PREDICTOR_UP, "model.mod_predictor_up.weight");
    tensors.share(PREDICTOR_DOWN, "model.mod_predictor_down.weight");
    int skip = config.requireInt("router_skip_blocks", 1, Limits.BLOCKS);
    int capacity = config.requireInt("capacity", 1, Integer.MAX_VALUE);
    List<Integer> blocks =
        IntStream.range(0, Llama2.KEYS.blocks(config)).filter(layer -> layer % skip != 0).boxed().toList();
    SequencedMap<String, Tensor> named = tensors.toGguf(NAMES);
    return ImportedModel.llama(Llama2.KEYS, config, named,
        blocks.isEmpty() ? Optional.empty() : Optional.of(descriptor(blocks, capacity, predicts)),
        Optional.of("trained with sramshetty/mixture-of-depths; older versions of it have no sigmoid on the router, and "
            + "files do not tell"));
  }

  private static ModDescriptor descriptor(List<Integer> blocks, int mostTokens, boolean predicts) {
    return new ModDescriptor(blocks, Part.BLOCK, Unit.TOKEN,
        new Router(Router.Form.LINEAR, Router.Activation.SILU, false, true),
        Selections.topk(blocks.size(), 1, 1, mostTokens, Ties.FIRST, predicts ? Rule.PREDICTOR : null),
        new Combine(Combine.Form.ADD_GATED_MLP, Combine.Gate.SIGMOID), Positions.COMPACTED, SkippedKv.ABSENT, 0);
  }
}
