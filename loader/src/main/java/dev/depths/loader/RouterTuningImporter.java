package dev.depths.loader;

import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Positions;
import dev.depths.loader.ModDescriptor.Router;
import dev.depths.loader.ModDescriptor.SkippedKv;
import dev.depths.loader.ModDescriptor.Unit;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * CASE-Lab-UMD/Router-Tuning-Mixture-of-Depths, {@code utils/model/model_patch.py} (arXiv 2410.13184; MindSkip before): a
 * transformers model, and routers that see what attention sees. Its checkpoints hold routers alone and are adapters; a
 * directory may also have them beside the base's tensors.
 */
final class RouterTuningImporter implements ModImporter {
  private static final String ROUTER = "model\\.layers\\.(\\d+)\\.router\\.weight";
  private static final Pattern ROUTERS = Pattern.compile(ROUTER);
  private static final TensorNames NAMES = new TensorNames().to(ROUTER, "model.layers.$1.mod_router.weight");
  private static final List<String> GRANULARITIES = List.of(
      "attn_sequence", "attn_token", "mlp_sequence", "mlp_token", "block_sequence", "block_token");

  @Override
  public boolean recognises(Metadata config, SourceTensors tensors) {
    return marks(config);
  }

  /** Whether a configuration says which layers are routed. */
  static boolean marks(Metadata config) {
    return config.has(key(config));
  }

  /** Whether a directory holds routers alone. */
  static boolean isRouters(SourceTensors tensors) {
    return tensors.hasOnly(ROUTERS);
  }

  @Override
  public ImportedModel read(Metadata config, SourceTensors tensors) {
    if (isRouters(tensors)) {
      throw new UnsupportedModelException(
          tensors.directory(), "holds the routers of Router-Tuning alone: it changes a model and is none itself");
    }
    return ImportedModel.huggingFace(HuggingFaceConfig.ofType(config, "_(mod|mindskip)$"), tensors.toGguf(NAMES),
        descriptor(config), Optional.of("trained with Router-Tuning"));
  }

  /** The routers of a directory that holds them alone, by GGUF's names, and their descriptor. */
  static Adapter adapter(Metadata config, SourceTensors tensors, Arena arena) {
    ModDescriptor mod = descriptor(config).orElseThrow(() -> config.malformed(key(config), "marks no layer"));
    return new Adapter(tensors.directory(), arena, mod, tensors.toGguf(NAMES));
  }

  private static String key(Metadata config) {
    return config.has("is_mindskip") ? "is_mindskip" : "is_mod";
  }

  /** Empty if no layer is routed. */
  private static Optional<ModDescriptor> descriptor(Metadata config) {
    List<Integer> blocks = blocks(config);
    String granularity = config.string("granularity").orElse("attn_sequence").toLowerCase(Locale.ROOT).replace('-', '_');
    if (!GRANULARITIES.contains(granularity)) {
      throw config.unsupported(
          "granularity is " + Metadata.shown(granularity) + "; supported are " + GRANULARITIES);
    }
    double threshold = config.number("threshold", 0, 1).orElse(0.5);
    if (blocks.isEmpty()) {
      return Optional.empty();
    }
    Part part = granularity.startsWith("attn") ? Part.ATTENTION : granularity.startsWith("mlp") ? Part.MLP : Part.BLOCK;
    Unit unit = granularity.endsWith("token") ? Unit.TOKEN : Unit.SEQUENCE;
    // The attention runs in any case and keeps what it projects; of a sequence that skips it nobody will ask.
    boolean projected = unit == Unit.TOKEN && part != Part.MLP;
    return Optional.of(new ModDescriptor(blocks, part, unit,
        new Router(Router.Form.LINEAR, Router.Activation.SILU, true, false), Selections.atLeast(threshold), Combine.HARD,
        Positions.ORIGINAL, projected ? SkippedKv.PROJECTED : SkippedKv.ABSENT, 0));
  }

  private static List<Integer> blocks(Metadata config) {
    String key = key(config);
    List<?> marks = config.list(key).orElse(List.of());
    int layers = config.requireInt("num_hidden_layers", 1, Limits.BLOCKS);
    if (marks.size() != layers) {
      throw config.malformed(key, "has " + marks.size() + " marks, expected one for each of " + layers + " layers");
    }
    List<Integer> blocks = new ArrayList<>();
    for (int layer = 0; layer < layers; layer++) {
      if (!(marks.get(layer) instanceof Boolean routed)) {
        throw config.malformed(key, "holds " + Metadata.shown(marks.get(layer)) + ", expected true or false");
      }
      if (routed) {
        blocks.add(layer);
      }
    }
    return blocks;
  }
}
