package dev.depths.loader;

import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Positions;
import dev.depths.loader.ModDescriptor.Router;
import dev.depths.loader.ModDescriptor.SkippedKv;
import dev.depths.loader.ModDescriptor.Unit;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * EIT-NLP/SkipGPT, {@code router_attn_mlp.py} (arXiv 2506.04179): both halves of each layer are routed by classes of which
 * the first is "run". Its evaluation draws the class at random (Gumbel); the likelier one is taken here, as ports of it do.
 */
final class SkipGptImporter implements ModImporter {
  private static final String ROUTER = "model\\.layers\\.(\\d+)\\.router_(attention|mlp)\\.";
  private static final Pattern ROUTERS = Pattern.compile("(?:base_model\\.model\\.)?" + ROUTER + ".+");
  private static final Pattern HIDDEN = Pattern.compile(ROUTER + "hidden_layer\\..+");
  private static final Pattern CLASSES = Pattern.compile(ROUTER + "weight_predictor\\.(weight|bias)");
  private static final Pattern ADAPTED = Pattern.compile("base_model\\..+|.+\\.lora_[AB]\\..+");

  @Override
  public boolean recognises(Metadata config, SourceTensors tensors) {
    return tensors.has(ROUTERS);
  }

  @Override
  public ImportedModel read(Metadata config, SourceTensors tensors) {
    tensors.refuse(ADAPTED, "is of a PEFT adapter, which has to be merged (merge_and_unload) before the export");
    boolean twoLayers = tensors.has(HIDDEN);
    tensors.replace(CLASSES, tensors::swapClasses);
    int layers = config.requireInt("num_hidden_layers", 1, Limits.BLOCKS);
    return ImportedModel.huggingFace(config, tensors.toGguf(names(twoLayers)),
        Optional.of(descriptor(IntStream.range(0, layers).boxed().toList(), twoLayers)),
        Optional.of("trained with SkipGPT; the likelier class decides, where its own code draws one"));
  }

  private static TensorNames names(boolean twoLayers) {
    TensorNames names = new TensorNames();
    for (String half : List.of("attention", "mlp")) {
      String router = "model\\.layers\\.(\\d+)\\.router_" + half + "\\.";
      String ours = "model.layers.$1.mod_" + (half.equals("mlp") ? "mlp" : "attn") + "_router";
      names.to(router + "hidden_layer\\.(weight|bias)", ours + "_up.$2")
          .to(router + "weight_predictor\\.(weight|bias)", ours + (twoLayers ? "_down.$2" : ".$2"));
    }
    return names.to("model\\.layers\\.(\\d+)\\.block\\.(.+)", "model.layers.$1.$2");
  }

  private static ModDescriptor descriptor(List<Integer> blocks, boolean twoLayers) {
    return new ModDescriptor(blocks, Part.EACH_HALF, Unit.TOKEN,
        new Router(twoLayers ? Router.Form.MLP : Router.Form.LINEAR2,
            twoLayers ? Router.Activation.RELU : Router.Activation.SILU, false, false),
        Selections.atLeast(0.5), Combine.HARD, Positions.ORIGINAL, SkippedKv.PROJECTED, 0);
  }
}
