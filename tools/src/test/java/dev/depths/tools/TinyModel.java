package dev.depths.tools;

import dev.depths.loader.GgufWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * A model whose blocks add nothing, so that the next token depends on the last one alone: a letter is followed by the next
 * letter, z by the end of the turn, a digit by the next digit for ever, E by é. Its second block is routed: it computes
 * the first token and vowels.
 */
final class TinyModel {
  static final int END_OF_TEXT = 0;
  static final int TURN_START = 1;
  static final int TURN_END = 2;
  static final int FIRST_BYTE = 3;
  static final int HE = FIRST_BYTE + 256;
  static final int VOCABULARY = HE + 1;
  static final int CONTEXT = 256;
  static final String TEMPLATE = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' "
      + "+ message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
      + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

  static final int EMBEDDING = 288;
  private static final int FEED_FORWARD = 32;
  private static final int HEADS = 4;
  private static final int HEAD_DIM = 8;
  private static final int CONTROL = 3;

  private TinyModel() {}

  /** The id of a byte. */
  static int id(char ascii) {
    return FIRST_BYTE + ascii;
  }

  /** A routed model with tokenizer and chat template. */
  static GgufWriter routed() {
    GgufWriter writer = dense()
        .put("tokenizer.chat_template", TEMPLATE)
        .put("mod.version", 1)
        .put("mod.blocks", List.of(1))
        .put("mod.capacity", 0.5f)
        .put("mod.router", "linear")
        .put("mod.selection", "threshold")
        .put("mod.threshold", 0.5f)
        .put("mod.combine", "x+f")
        .put("mod.initial_tokens", 1);
    return writer.tensor("blk.1.mod_router.weight", router("aeiou"), 1, EMBEDDING);
  }

  /** A router's weights by which these characters are computed and others are skipped. */
  static float[] router(String computed) {
    float[] router = new float[EMBEDDING];
    Arrays.fill(router, -4);
    for (char c : computed.toCharArray()) {
      router[id(c)] = 4;
    }
    return router;
  }

  /** The same model without routing, and without chat template. */
  static GgufWriter dense() {
    GgufWriter writer = vocabulary()
        .put("llama.block_count", 2)
        .put("llama.context_length", CONTEXT)
        .put("llama.embedding_length", EMBEDDING)
        .put("llama.feed_forward_length", FEED_FORWARD)
        .put("llama.attention.head_count", HEADS)
        .put("llama.attention.head_count_kv", HEADS)
        .put("llama.attention.key_length", HEAD_DIM)
        .put("llama.attention.value_length", HEAD_DIM)
        .put("llama.attention.layer_norm_rms_epsilon", 1e-5f)
        .put("llama.rope.freq_base", 10000f)
        .put("llama.rope.dimension_count", HEAD_DIM);
    int width = HEADS * HEAD_DIM;
    writer.tensor("token_embd.weight", identity(), VOCABULARY, EMBEDDING);
    for (int block = 0; block < 2; block++) {
      String prefix = "blk." + block + ".";
      writer.tensor(prefix + "attn_norm.weight", ones(), EMBEDDING);
      for (String matrix : List.of("attn_q", "attn_k", "attn_v")) {
        writer.tensor(prefix + matrix + ".weight", new float[width * EMBEDDING], width, EMBEDDING);
      }
      writer.tensor(prefix + "attn_output.weight", new float[EMBEDDING * width], EMBEDDING, width);
      writer.tensor(prefix + "ffn_norm.weight", ones(), EMBEDDING);
      writer.tensor(prefix + "ffn_gate.weight", new float[FEED_FORWARD * EMBEDDING], FEED_FORWARD, EMBEDDING);
      writer.tensor(prefix + "ffn_up.weight", new float[FEED_FORWARD * EMBEDDING], FEED_FORWARD, EMBEDDING);
      writer.tensor(prefix + "ffn_down.weight", new float[EMBEDDING * FEED_FORWARD], EMBEDDING, FEED_FORWARD);
    }
    return writer
        .tensor("output_norm.weight", ones(), EMBEDDING)
        .tensor("output.weight", successors(), VOCABULARY, EMBEDDING);
  }

  /** A model with random attention and output matrices: what it predicts depends on all that came before. */
  static GgufWriter random(GgufWriter writer, long seed) {
    Random random = new Random(seed);
    int width = HEADS * HEAD_DIM;
    for (int block = 0; block < 2; block++) {
      for (String matrix : List.of("attn_q", "attn_k", "attn_v")) {
        writer.tensor("blk." + block + "." + matrix + ".weight", random(random, width * EMBEDDING), width, EMBEDDING);
      }
      writer.tensor("blk." + block + ".attn_output.weight", random(random, EMBEDDING * width), EMBEDDING, width);
    }
    return writer.tensor("output.weight", random(random, VOCABULARY * EMBEDDING), VOCABULARY, EMBEDDING);
  }

  private static float[] random(Random random, int size) {
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = 0.1f * (float) random.nextGaussian();
    }
    return values;
  }

  /** A vocabulary without a model. */
  static GgufWriter vocabulary() {
    List<String> tokens = new ArrayList<>(List.of("<|endoftext|>", "<|im_start|>", "<|im_end|>"));
    List<Integer> types = new ArrayList<>(List.of(CONTROL, CONTROL, CONTROL));
    int shifted = 256;
    for (int b = 0; b < 256; b++) {
      boolean printable = b > ' ' && b < 0x7F || b > 0xA0 && b != 0xAD;
      tokens.add(String.valueOf((char) (printable ? b : shifted++)));
      types.add(1);
    }
    tokens.add("he");
    types.add(1);
    return new GgufWriter()
        .put("general.architecture", "llama")
        .put("tokenizer.ggml.model", "gpt2")
        .put("tokenizer.ggml.pre", "smollm")
        .put("tokenizer.ggml.tokens", tokens)
        .put("tokenizer.ggml.token_type", types)
        .put("tokenizer.ggml.merges", List.of("h e"))
        .put("tokenizer.ggml.bos_token_id", TURN_START)
        .put("tokenizer.ggml.eos_token_id", TURN_END)
        .put("tokenizer.ggml.add_bos_token", false);
  }

  static Path write(Path directory, String name, GgufWriter writer) throws IOException {
    Path file = directory.resolve(name);
    writer.write(file);
    return file;
  }

  private static float[] identity() {
    float[] embedding = new float[VOCABULARY * EMBEDDING];
    for (int i = 0; i < VOCABULARY; i++) {
      embedding[i * EMBEDDING + i] = 1;
    }
    return embedding;
  }

  private static float[] successors() {
    float[] output = new float[VOCABULARY * EMBEDDING];
    for (int token = 0; token < VOCABULARY; token++) {
      output[successor(token) * EMBEDDING + token] = 1;
    }
    return output;
  }

  private static int successor(int token) {
    int b = token - FIRST_BYTE;
    if (b >= 'a' && b < 'z') {
      return token + 1;
    }
    if (b >= '0' && b <= '9') {
      return b == '9' ? id('0') : token + 1;
    }
    return switch (b) {
      case '\n', HE - FIRST_BYTE -> id('a');
      case 'E' -> FIRST_BYTE + 0xC3;
      case 0xC3 -> FIRST_BYTE + 0xA9;
      case 0xA9 -> id('E');
      default -> TURN_END;
    };
  }

  private static float[] ones() {
    float[] ones = new float[EMBEDDING];
    Arrays.fill(ones, 1);
    return ones;
  }
}
