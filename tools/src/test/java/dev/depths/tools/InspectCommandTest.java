package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectCommandTest {
  @TempDir
  Path directory;

  private static JsonNode json(Path path) throws IOException {
    CommandRun run = CommandRun.of("inspect", "--json", path);
    assertEquals(0, run.code(), run.err());
    assertEquals("", run.err());
    return new ObjectMapper().readTree(run.out());
  }

  @Test
  void describesAModel() throws IOException {
    JsonNode json = json(TinyModel.write(directory, "routed.gguf", TinyModel.routed().put("mod.note", "as trained")));
    assertEquals("llama", json.get("model").get("architecture").asText());
    assertEquals(2, json.get("model").get("blocks").asInt());
    assertEquals(TinyModel.VOCABULARY, json.get("tokenizer").get("tokens").asInt());
    assertTrue(json.get("chat_template").asBoolean());
    assertEquals("[1]", json.get("mod").get("blocks").toString());
    assertEquals("threshold", json.get("mod").get("selection").asText());
    assertEquals("as trained", json.get("note").asText());
    assertEquals(22, json.get("size").get("tensors").asInt());
    assertEquals(4 * json.get("size").get("parameters").asLong(), json.get("size").get("bytes").asLong());
    assertEquals(22, json.get("tensors").size());
    assertEquals("[260,288]", json.get("tensors").get(0).get("shape").toString());
    assertEquals("list of 260", json.get("metadata").get("tokenizer.ggml.tokens").asText());
    assertEquals("smollm", json.get("metadata").get("tokenizer.ggml.pre").asText());
  }

  @Test
  void textTellsTheSame() throws IOException {
    Path file = TinyModel.write(directory, "routed.gguf", TinyModel.routed());
    String text = CommandRun.of("inspect", file).out();
    assertTrue(text.contains("architecture"), text);
    assertTrue(text.contains("threshold"), text);
    assertTrue(text.contains("F32"), text);
    assertFalse(text.contains("blk.0.attn_q.weight"), text);
    assertTrue(CommandRun.of("inspect", "--tensors", file).out().contains("blk.0.attn_q.weight"));
  }

  @Test
  void describesABypassAndThresholds() throws IOException {
    int d = TinyModel.EMBEDDING;
    Path file = TinyModel.write(directory, "bypassed.gguf", TinyModel.routed().put("mod.blocks", List.of(1, 0))
        .put("mod.threshold", List.of(0.75, 0.5)).put("mod.bypass", "lowrank")
        .tensor("blk.0.mod_router.weight", new float[d], 1, d)
        .tensor("blk.0.mod_bypass_a.weight", new float[3 * d], 3, d)
        .tensor("blk.0.mod_bypass_b.weight", new float[3 * d], d, 3)
        .tensor("blk.1.mod_bypass_a.weight", new float[3 * d], 3, d)
        .tensor("blk.1.mod_bypass_b.weight", new float[3 * d], d, 3));
    JsonNode mod = json(file).get("mod");
    assertEquals("[0.5,0.75]", mod.get("threshold").toString());
    assertEquals("lowrank", mod.get("bypass").asText());
    assertEquals(3, mod.get("bypass_rank").asInt());
    String text = CommandRun.of("inspect", file).out();
    assertTrue(text.matches("(?s).* bypass +lowrank\n +bypass_rank +3\n.*"), text);
    assertTrue(text.contains("[0.5, 0.75]"), text);
  }

  @Test
  void describesAVocabulary() throws IOException {
    JsonNode json = json(TinyModel.write(directory, "vocabulary.gguf", TinyModel.vocabulary()));
    assertEquals(TinyModel.VOCABULARY, json.get("tokenizer").get("tokens").asInt());
    assertEquals(0, json.get("size").get("tensors").asInt());
  }

  @Test
  void describesAnAdapter() throws IOException {
    JsonNode json = json(Golden.adapter());
    assertEquals(12, json.get("mod").get("blocks").size());
    assertEquals(2.0, json.get("adapter").get("lora_scale").asDouble());
    assertEquals(DefaultModel.PACKAGE.sha256(), json.get("adapter").get("base_sha256").asText());
  }

  @Test
  void showsAModelWithItsAdapter() throws IOException {
    Path file = TinyModel.write(directory, "dense.gguf", TinyModel.dense());
    CommandRun run = CommandRun.of("inspect", "--json", "--adapter", Golden.adapter(), file);
    JsonNode json = new ObjectMapper().readTree(run.out());
    assertEquals("llama", json.get("model").get("architecture").asText());
    assertEquals(Golden.adapter().toString(), json.get("adapter").get("file").asText());
    assertEquals(12, json.get("mod").get("blocks").size());
  }
}
