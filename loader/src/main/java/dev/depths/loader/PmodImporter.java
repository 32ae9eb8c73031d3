package dev.depths.loader;

import java.util.Optional;
import java.util.regex.Pattern;

/**
 * MCG-NJU/p-MoD, {@code llava/model/language_model/pmod_llava_llama.py} (arXiv 2412.04449): a LLaVA that routes the tokens
 * of images alone. Without images it computes each layer for each token, ungated, and so is read as a dense model.
 */
final class PmodImporter implements ModImporter {
  private static final String LAYER = "model\\.layers\\.(\\d+)\\.";
  private static final String ROUTER = LAYER + "router\\.router\\.(weight|bias)";
  private static final Pattern ROUTERS = Pattern.compile(ROUTER);
  private static final TensorNames NAMES =
      Llava.names().drop(ROUTER).to(LAYER + "decoder_layer\\.(.+)", "model.layers.$1.$2");

  @Override
  public boolean recognises(Metadata config, SourceTensors tensors) {
    return tensors.has(ROUTERS);
  }

  @Override
  public ImportedModel read(Metadata config, SourceTensors tensors) {
    String target = config.string("mod_target_token_type").orElse("vision_all");
    if (!target.startsWith("vision")) {
      throw config.unsupported("mod_target_token_type is " + Metadata.shown(target) + "; supported is vision_all");
    }
    return ImportedModel.huggingFace(Llava.language(config), tensors.toGguf(NAMES), Optional.empty(),
        Optional.of("trained with p-MoD, which routes the tokens of images only; without images it is dense, and its "
            + "routers and vision tower are left out"));
  }
}
