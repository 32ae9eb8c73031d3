package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.depths.loader.ModelConfig.Rope;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HuggingFaceConfigTest {
  /** A configuration with some members replaced or added, {@code "key": value, ...}, or taken out with null. */
  private static ModelConfig read(String members) {
    Map<String, Object> base = Json.object("config.json", "text", """
        {"model_type": "llama", "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 4,
         "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096, "vocab_size": 100,
         "rms_norm_eps": 1e-5, "tie_word_embeddings": true, "rope_theta": 10000.0}""", "");
    base.putAll(Json.object("config.json", "text", "{" + members + "}", ""));
    return HuggingFaceConfig.read(new Metadata("config.json", base), Map.of());
  }

  private static void assertRefused(String where, String problem, String members) {
    assertMalformed("config.json: " + where, problem, () -> read(members));
  }

  private static void assertNotSupported(String what, String detail, String members) {
    assertUnsupported("config.json: " + what, detail, () -> read(members));
  }

  /** The fixtures come from transformers; see src/test/python/make_rope_fixtures.py. */
  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "linear | 'head_dim': 64, 'rope_scaling': {'type': 'linear', 'factor': 4.0}",
      "linear | 'head_dim': 64, 'rope_parameters': {'rope_type': 'linear', 'factor': 4.0, 'rope_theta': 10000}",
      "llama3 | 'head_dim': 64, 'max_position_embeddings': 131072, 'rope_theta': 500000.0, 'rope_scaling': "
          + "{'rope_type': 'llama3', 'factor': 32.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0, "
          + "'original_max_position_embeddings': 8192}",
      "yarn | 'head_dim': 128, 'max_position_embeddings': 32768, 'rope_theta': 1e6, 'rope_scaling': "
          + "{'type': 'yarn', 'factor': 4.0, 'original_max_position_embeddings': 32768}",
      "yarn-mscale | 'head_dim': 64, 'rope_scaling': {'type': 'yarn', 'factor': 40, 'mscale': 0.707, "
          + "'mscale_all_dim': 1.0, 'beta_fast': 24, 'beta_slow': 2, 'original_max_position_embeddings': 4096}",
      "yarn-attention | 'head_dim': 64, 'rope_scaling': {'rope_type': 'yarn', 'factor': 2.0, "
          + "'attention_factor': 1.5, 'original_max_position_embeddings': 2048}"}, quoteCharacter = '"')
  void ropeAgreesWithTransformers(String name, String members) throws IOException {
    Rope rope = read(members.replace('\'', '"')).rope();
    String[] expected;
    try (InputStream in = HuggingFaceConfigTest.class.getResourceAsStream("/rope.txt")) {
      expected = new String(in.readAllBytes(), StandardCharsets.US_ASCII).lines()
          .filter(line -> line.startsWith(name + ' ')).findFirst().orElseThrow().split(" ");
    }
    assertEquals(Float.parseFloat(expected[1]), rope.magnitude());
    assertEquals(expected.length - 2, rope.inverseFrequencies().length);
    for (int i = 0; i < rope.inverseFrequencies().length; i++) {
      float reference = Float.parseFloat(expected[i + 2]);
      assertEquals(reference, rope.inverseFrequencies()[i], Math.ulp(reference), name + " pair " + i);
    }
    assertEquals(Rope.Layout.HALVES, rope.layout());
  }

  @Test
  void defaults() {
    ModelConfig config = read("");
    assertEquals(64, config.headDim());
    assertEquals(1e-5f, config.rmsEpsilon());
    assertEquals(128, read("\"model_type\": \"qwen3\"").headDim());
    assertEquals(1e6f, 1 / read("\"head_dim\": 2, \"rope_theta\": 1e6").rope().inverseFrequencies()[0] * 1e6f);
    assertEquals(1, read("\"rope_scaling\": null").rope().magnitude());
  }

  @Test
  void theContextFollowsScalingAndWindow() {
    assertEquals(4096, read("").contextLength());
    assertEquals(131072, read("\"max_position_embeddings\": 32768, \"rope_scaling\": {\"type\": \"yarn\","
        + "\"factor\": 4.0, \"original_max_position_embeddings\": 32768}").contextLength());
    assertEquals(1024, read("\"model_type\": \"mistral\", \"sliding_window\": 1024").contextLength());
    assertEquals(4096, read("\"model_type\": \"mistral\", \"sliding_window\": null").contextLength());
    assertEquals(4096, read("\"model_type\": \"qwen2\", \"sliding_window\": 1024, \"use_sliding_window\": false")
        .contextLength());
    assertEquals(4096, read("\"model_type\": \"qwen2\", \"sliding_window\": 1024, \"use_sliding_window\": true,"
        + "\"max_window_layers\": 4").contextLength());
    assertEquals(1024, read("\"model_type\": \"qwen2\", \"sliding_window\": 1024, \"use_sliding_window\": true,"
        + "\"max_window_layers\": 3").contextLength());
    assertEquals(1024, read("\"model_type\": \"qwen3\", \"sliding_window\": 1024,"
        + "\"layer_types\": [\"full_attention\", \"sliding_attention\"]").contextLength());
  }

  @Test
  void variantsThatAreNotSupported() {
    assertNotSupported("architecture \"gemma2\"", "[llama, mistral, mixtral, qwen2, qwen2moe, qwen3, qwen3moe]",
        "\"model_type\": \"gemma2\"");
    assertNotSupported("hidden_act is \"gelu\"", "supported is silu", "\"hidden_act\": \"gelu\"");
    assertNotSupported("quantization_config", "use GGUF", "\"quantization_config\": {\"quant_method\": \"gptq\"}");
    assertNotSupported("partial_rotary_factor is 0.5", "all of a head", "\"partial_rotary_factor\": 0.5");
    assertNotSupported("rope_scaling.type is \"dynamic\"", "supported are default, linear, llama3, yarn",
        "\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2.0}");
    assertNotSupported("rope_scaling.truncate is false", "not supported",
        "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 2.0, \"truncate\": false}");
    assertNotSupported("head_dim is 63", "even", "\"head_dim\": 63");
  }

  @ParameterizedTest
  @ValueSource(strings = {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
      "num_key_value_heads", "max_position_embeddings", "vocab_size", "head_dim"})
  void countsAreSmallPositiveIntegers(String key) {
    assertRefused(key, "is 0, expected 1 to", "\"%s\": 0".formatted(key));
    assertRefused(key, "is -4, expected 1 to", "\"%s\": -4".formatted(key));
    assertRefused(key, "is 9223372036854775807, expected 1 to", "\"%s\": 9223372036854775807".formatted(key));
    assertRefused(key, "is 9223372036854775808, expected less than 2^63", "\"%s\": 9223372036854775808".formatted(key));
    assertRefused(key, "expected an integer", "\"%s\": 4.0".formatted(key));
    assertRefused(key, "is an array of 1, expected an integer", "\"%s\": [4]".formatted(key));
  }

  @Test
  void valuesThatContradictEachOther() {
    assertRefused("num_key_value_heads", "is 3, expected a divisor of 4", "\"num_key_value_heads\": 3");
    assertRefused("num_attention_heads", "is 6, expected a divisor of hidden_size 256", "\"num_attention_heads\": 6");
    assertRefused("rope_theta", "is 1.0, expected", "\"rope_theta\": 1");
    assertRefused("rope_theta", "is Infinity, expected", "\"rope_theta\": 1e999");
    assertRefused("rms_norm_eps", "is -1.0, expected", "\"rms_norm_eps\": -1");
    assertRefused("rope_scaling.factor", "is missing", "\"rope_scaling\": {\"type\": \"linear\"}");
    assertRefused("rope_scaling.factor", "is 0.0, expected", "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 0}");
    assertRefused("rope_scaling.high_freq_factor", "is 1.0, expected more than low_freq_factor 1.0",
        "\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 1, \"high_freq_factor\": 1}");
    assertRefused("tie_word_embeddings", "is \"yes\", expected true or false", "\"tie_word_embeddings\": \"yes\"");
  }
}
