package dev.depths.loader.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import java.util.zip.GZIPInputStream;

/** The vocabularies under {@code resources/tokenizer}; see {@code make_fixtures.py} there. */
final class Fixtures {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  /** A text and its ids, without and with the tokens that are added at its ends. */
  record Golden(String text, int[] ids, int[] special) {
    @Override
    public String toString() {
      return text;
    }
  }

  private Fixtures() {}

  static Path directory(String name) {
    try {
      return Path.of(Fixtures.class.getResource("/tokenizer/" + name + "/golden.json").toURI()).getParent();
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  static List<Golden> golden(String name) {
    return StreamSupport.stream(json(name, "golden.json").spliterator(), false)
        .map(node -> new Golden(node.get("text").asText(), ids(node.path("ids")), ids(node.path("special")))).toList();
  }

  static JsonNode json(String name, String file) {
    try {
      return MAPPER.readTree(directory(name).resolve(file).toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int[] ids(JsonNode node) {
    return StreamSupport.stream(node.spliterator(), false).mapToInt(JsonNode::asInt).toArray();
  }

  /** What a GGUF file of a byte-level tokenizer.json holds. */
  static Map<String, Object> byteLevelMetadata(String name) {
    JsonNode json = json(name, "tokenizer.json");
    String[] tokens = new String[json.at("/model/vocab").size() + json.get("added_tokens").size()];
    json.at("/model/vocab").properties().forEach(entry -> tokens[entry.getValue().asInt()] = entry.getKey());
    List<Object> types = new ArrayList<>();
    for (int i = 0; i < tokens.length; i++) {
      types.add(1L);
    }
    for (JsonNode added : json.get("added_tokens")) {
      int id = added.get("id").asInt();
      tokens[id] = added.get("content").asText();
      types.set(id, added.get("special").asBoolean() ? 3L : 4L);
    }
    List<Object> pieces = new ArrayList<>();
    for (String token : tokens) {
      if (token != null) {
        pieces.add(token);
      }
    }
    List<Object> merges = new ArrayList<>();
    for (JsonNode merge : json.at("/model/merges")) {
      merges.add(merge.isTextual() ? merge.asText() : merge.get(0).asText() + " " + merge.get(1).asText());
    }
    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("tokenizer.ggml.model", "gpt2");
    metadata.put("tokenizer.ggml.pre", name);
    metadata.put("tokenizer.ggml.tokens", pieces);
    metadata.put("tokenizer.ggml.token_type", new ArrayList<>(types.subList(0, pieces.size())));
    metadata.put("tokenizer.ggml.merges", merges);
    metadata.put("tokenizer.ggml.bos_token_id", (long) pieces.indexOf("<|begin_of_text|>"));
    metadata.put("tokenizer.ggml.eos_token_id", (long) pieces.indexOf("<|im_end|>"));
    if (!json.at("/post_processor").isObject()) {
      metadata.put("tokenizer.ggml.add_bos_token", false);
    }
    return metadata;
  }

  /** What the GGUF file of SmolLM2-135M-Instruct holds. */
  static Map<String, Object> smolLm2Metadata() {
    List<String> lines;
    try (BufferedReader in = new BufferedReader(new InputStreamReader(
        new GZIPInputStream(Fixtures.class.getResourceAsStream("/tokenizer/smollm2/vocabulary.txt.gz")),
        StandardCharsets.UTF_8))) {
      lines = in.lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    int first = Integer.parseInt(lines.getFirst());
    List<Object> tokens = new ArrayList<>(lines.subList(1, first + 1));
    List<Object> merges = new ArrayList<>(lines.subList(first + 1, lines.size()));
    merges.forEach(merge -> tokens.add(((String) merge).replaceFirst(" ", "")));
    List<Object> types = new ArrayList<>(Collections.nCopies(tokens.size(), 1L));
    Collections.fill(types.subList(0, 17), 3L);
    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("tokenizer.ggml.model", "gpt2");
    metadata.put("tokenizer.ggml.pre", "smollm");
    metadata.put("tokenizer.ggml.tokens", tokens);
    metadata.put("tokenizer.ggml.token_type", types);
    metadata.put("tokenizer.ggml.merges", merges);
    metadata.put("tokenizer.ggml.bos_token_id", 1L);
    metadata.put("tokenizer.ggml.eos_token_id", 2L);
    metadata.put("tokenizer.ggml.add_bos_token", false);
    return metadata;
  }

  /** What a GGUF file of the SentencePiece model holds. */
  static Map<String, Object> sentencePieceMetadata() {
    Map<String, Object> metadata = new LinkedHashMap<>();
    json("sentencepiece", "metadata.json").properties()
        .forEach(entry -> metadata.put(entry.getKey(), value(entry.getValue())));
    return metadata;
  }

  private static Object value(JsonNode node) {
    if (node.isArray()) {
      List<Object> list = new ArrayList<>();
      node.forEach(element -> list.add(value(element)));
      return list;
    }
    if (node.isTextual()) {
      return node.asText();
    }
    return node.isIntegralNumber() ? (Object) node.asLong() : (Object) (float) node.asDouble();
  }
}
