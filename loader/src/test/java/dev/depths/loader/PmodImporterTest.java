package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PmodImporterTest {
  @TempDir Path directory;

  static SourceModel model() {
    return SourceModel.huggingFace(name -> name.replace("layers.1.", "layers.1.decoder_layer."))
        .set("model_type", "\"pmod_llava_llama\"").set("mod_target_layers", "\"shiftedcos_decay_0.85_0.15\"")
        .set("mod_target_token_type", "\"vision_all\"").set("mod_router_factor", 0.5)
        .with("model.layers.1.router.router.weight", "router", 1, 32).with("model.layers.1.router.router.bias", "bias", 1)
        .with("model.mm_projector.0.weight", "projector", 32, 8).with("model.image_newline", "newline", 32);
  }

  private Checkpoint open(SourceModel model) throws IOException {
    return Checkpoint.open(model.write(directory));
  }

  @Test
  void denseForText() throws IOException {
    try (Checkpoint checkpoint = open(model())) {
      assertEquals(Optional.empty(), checkpoint.mod());
      SourceModel.assertLlama(checkpoint);
      assertEquals(TinyModel.shapes("llama").keySet(), checkpoint.tensors().keySet());
      assertEquals("llama", checkpoint.config().architecture());
      assertTrue(checkpoint.note().orElseThrow().contains("without images it is dense"));
    }
  }

  @Test
  void refusals() {
    assertUnsupported("config.json: mod_target_token_type is \"all\"", "supported is vision_all",
        () -> open(model().set("mod_target_token_type", "\"all\"")));
    assertUnsupported("tensor \"model.layers.1.router.mlp.weight\"", "is not part of a model",
        () -> open(model().with("model.layers.1.router.mlp.weight", "mlp", 1, 32)));
    assertMalformed("tensor blk.1.ffn_up.weight", "is missing",
        () -> open(model().without("model.layers.1.decoder_layer.mlp.up_proj.weight")));
  }
}
