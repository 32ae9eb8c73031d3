package dev.depths.runtime;

import dev.depths.loader.DType;
import dev.depths.loader.GgufWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * A GGUF file of a model that knows one text by heart: each byte is a token, and makes the next byte of the text the
 * most likely one. Blocks add nothing to the residual stream, so that logits are those of the embedding alone; the
 * second of the two is routed.
 */
final class ChainModel {
  /** The token that ends a generation. */
  static final int END = 256;
  static final int VOCABULARY = 258;
  private static final int WIDTH = 64;

  private ChainModel() {}

  /** @param text of bytes that are all different; after the last comes {@link #END}, and then the first again */
  static Path write(Path file, String text) throws IOException {
    Random random = new Random(1);
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    float[] embedding = gaussian(random, VOCABULARY * WIDTH, 1);
    float[] output = new float[VOCABULARY * WIDTH];
    for (int i = 0; i <= bytes.length; i++) {
      int token = i < bytes.length ? bytes[i] & 0xff : END;
      int next = i + 1 < bytes.length ? bytes[i + 1] & 0xff : i + 1 == bytes.length ? END : bytes[0] & 0xff;
      for (int j = 0; j < WIDTH; j++) {
        // Likely, but not certain.
        output[next * WIDTH + j] += 0.13f * embedding[token * WIDTH + j];
      }
    }
    GgufWriter writer = new GgufWriter()
        .put("general.architecture", "llama")
        .put("llama.block_count", 2)
        .put("llama.context_length", 512)
        .put("llama.embedding_length", WIDTH)
        .put("llama.feed_forward_length", 32)
        .put("llama.attention.head_count", 2)
        .put("llama.attention.head_count_kv", 1)
        .put("llama.attention.layer_norm_rms_epsilon", 1e-5f)
        .put("mod.version", 1)
        .put("mod.blocks", List.of(1L))
        .put("mod.router", "linear")
        .put("mod.selection", "threshold")
        .put("mod.combine", "x+f")
        .tensor("token_embd.weight", embedding, VOCABULARY, WIDTH)
        .tensor("output.weight", output, VOCABULARY, WIDTH)
        .tensor("output_norm.weight", ones(WIDTH), WIDTH);
    putTokenizer(writer);
    for (int b = 0; b < 2; b++) {
      String prefix = "blk." + b + ".";
      writer.tensor(prefix + "attn_norm.weight", ones(WIDTH), WIDTH)
          .tensor(prefix + "attn_q.weight", gaussian(random, WIDTH * WIDTH, 0.1), WIDTH, WIDTH)
          .tensor(prefix + "attn_k.weight", gaussian(random, 32 * WIDTH, 0.1), 32, WIDTH)
          .tensor(prefix + "attn_v.weight", gaussian(random, 32 * WIDTH, 0.1), 32, WIDTH)
          .tensor(prefix + "attn_output.weight", new float[WIDTH * WIDTH], WIDTH, WIDTH)
          .tensor(prefix + "ffn_norm.weight", ones(WIDTH), WIDTH)
          .tensor(prefix + "ffn_gate.weight", gaussian(random, 32 * WIDTH, 0.1), 32, WIDTH)
          .tensor(prefix + "ffn_up.weight", DType.Q4_0, q4(32 * WIDTH, random), 32, WIDTH)
          .tensor(prefix + "ffn_down.weight", new float[WIDTH * 32], WIDTH, 32);
    }
    writer.tensor("blk.1.mod_router.weight", gaussian(random, WIDTH, 1), 1, WIDTH).write(file);
    return file;
  }

  /** A vocabulary of bytes, of {@link #VOCABULARY} tokens. */
  static void putTokenizer(GgufWriter writer) {
    writer.put("tokenizer.ggml.model", "gpt2")
        .put("tokenizer.ggml.pre", "gpt-2")
        .put("tokenizer.ggml.tokens", tokens())
        .put("tokenizer.ggml.token_type", tokenTypes())
        .put("tokenizer.ggml.merges", List.of("z z"))
        .put("tokenizer.ggml.eos_token_id", END);
  }

  /** The byte alphabet of GPT-2: printable bytes are themselves, the others the characters from 256 on, in order. */
  private static List<String> tokens() {
    List<String> tokens = new ArrayList<>();
    int others = 0;
    for (int b = 0; b < 256; b++) {
      boolean printable = b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae;
      tokens.add(String.valueOf((char) (printable ? b : 256 + others++)));
    }
    tokens.add("<end>");
    tokens.add("zz");
    return tokens;
  }

  /** All are ordinary, but the end is a control token. */
  private static List<Integer> tokenTypes() {
    List<Integer> types = new ArrayList<>();
    for (int i = 0; i < VOCABULARY; i++) {
      types.add(i == END ? 3 : 1);
    }
    return types;
  }

  private static float[] gaussian(Random random, int n, double deviation) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) (deviation * random.nextGaussian());
    }
    return x;
  }

  private static float[] ones(int n) {
    float[] x = new float[n];
    Arrays.fill(x, 1);
    return x;
  }

  private static byte[] q4(int n, Random random) {
    byte[] blocks = new byte[n / 32 * 18];
    random.nextBytes(blocks);
    for (int o = 0; o < blocks.length; o += 18) {
      // A scale of 1/64.
      blocks[o] = 0;
      blocks[o + 1] = 0x24;
    }
    return blocks;
  }
}
