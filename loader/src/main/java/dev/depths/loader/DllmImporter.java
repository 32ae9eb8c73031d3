package dev.depths.loader;

import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Positions;
import dev.depths.loader.ModDescriptor.Router;
import dev.depths.loader.ModDescriptor.SkippedKv;
import dev.depths.loader.ModDescriptor.Unit;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Jyk-122/D-LLM, {@code llama/model.py} (NeurIPS 2024, openreview UIOjGTKHQG): a Llama 2 whose later layers decide by two
 * classes, of which the second is "run". Base and trained tensors in one file; low-rank updates of the attention are merged
 * as its {@code llama/generation.py} does.
 */
final class DllmImporter implements ModImporter {
  private static final String ROUTER = "layers\\.(\\d+)\\.router\\.";
  private static final Pattern ROUTERS = Pattern.compile(ROUTER + "linear_[12]\\.(weight|bias)");
  private static final Pattern UPDATES = Pattern.compile("layers\\.\\d+\\.attention\\.lora_[qkvo]\\.linear_A\\.weight");
  private static final TensorNames NAMES = Llama2.names()
      .to(ROUTER + "linear_1\\.(weight|bias)", "model.layers.$1.mod_router_up.$2")
      .to(ROUTER + "norm\\.weight", "model.layers.$1.mod_router_norm.weight")
      .to(ROUTER + "linear_2\\.(weight|bias)", "model.layers.$1.mod_router_down.$2");

  @Override
  public boolean recognises(Metadata config, SourceTensors tensors) {
    return tensors.has(ROUTERS);
  }

  @Override
  public ImportedModel read(Metadata config, SourceTensors tensors) {
    for (String a : tensors.names(UPDATES)) {
      String b = a.replace("linear_A", "linear_B");
      String matrix = a.replace("lora_", "w").replace(".linear_A", "");
      tensors.put(matrix, LowRankMerge.merge(tensors, tensors.take(matrix), tensors.take(a), tensors.take(b)));
    }
    SequencedMap<String, Tensor> named = tensors.toGguf(NAMES);
    int first = config.intOr("dynamic_start_layer", 2, 0, Limits.BLOCKS);
    int initial = config.intOr("dynamic_reserve_initials", 2, 0, Integer.MAX_VALUE);
    List<Integer> blocks = IntStream.range(first, Llama2.KEYS.blocks(config)).boxed().toList();
    return ImportedModel.llama(Llama2.KEYS, config, named,
        blocks.isEmpty() ? Optional.empty() : Optional.of(descriptor(blocks, initial)), Optional.of("trained with D-LLM"));
  }

  private static ModDescriptor descriptor(List<Integer> blocks, int initialTokens) {
    return new ModDescriptor(blocks, Part.BLOCK, Unit.TOKEN,
        new Router(Router.Form.MLP, Router.Activation.SILU, false, false),
        Selections.atLeast(0.5).withInitialTokens(initialTokens), Combine.HARD, Positions.ORIGINAL, SkippedKv.ABSENT, 0);
  }
}
