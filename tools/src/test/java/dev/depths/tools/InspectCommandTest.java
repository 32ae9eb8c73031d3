package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
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
  void describesAVocabulary() throws IOException {
    JsonNode json = json(TinyModel.write(directory, "vocabulary.gguf", TinyModel.vocabulary()));
    assertEquals(TinyModel.VOCABULARY, json.get("tokenizer").get("tokens").asInt());
    assertEquals(0, json.get("size").get("tensors").asInt());
  }

  @Test
  void describesTheDefaultAdapter() throws IOException {
    JsonNode json = json(DefaultModel.adapter());
    assertEquals(12, json.get("mod").get("blocks").size());
    assertEquals(2.0, json.get("adapter").get("lora_scale").asDouble());
    assertEquals(DefaultModel.PACKAGE.sha256(), json.get("adapter").get("base_sha256").asText());
  }

  @Test
  void showsAModelWithItsAdapter() throws IOException {
    Path file = TinyModel.write(directory, "dense.gguf", TinyModel.dense());
    CommandRun run = CommandRun.of("inspect", "--json", "--adapter", DefaultModel.adapter(), file);
    JsonNode json = new ObjectMapper().readTree(run.out());
    assertEquals("llama", json.get("model").get("architecture").asText());
    assertEquals(DefaultModel.adapter().toString(), json.get("adapter").get("file").asText());
    assertEquals(12, json.get("mod").get("blocks").size());
  }
}
