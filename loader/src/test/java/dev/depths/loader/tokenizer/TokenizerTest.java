package dev.depths.loader.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {
  private static final Tokenizer SMOLLM = Tokenizers.fromGguf("smollm", Fixtures.byteLevelMetadata("smollm"));
  private static final Tokenizer SENTENCE_PIECE =
      Tokenizers.fromGguf("sentencepiece", Fixtures.sentencePieceMetadata());

  private static Tokenizer byteLevel(String name, Map<String, Object> changes) {
    Map<String, Object> metadata = Fixtures.byteLevelMetadata(name);
    metadata.putAll(changes);
    return Tokenizers.fromGguf(name, metadata);
  }

  static Stream<Tokenizer> all() {
    return Stream.concat(
        Stream.of("gpt-2", "smollm", "llama-bpe", "falcon", "default", "tekken", "gpt-4o")
            .map(name -> Tokenizers.fromGguf(name, Fixtures.byteLevelMetadata(name))),
        Stream.of(SENTENCE_PIECE, Tokenizers.fromHuggingFace(Fixtures.directory("llama2")),
            Tokenizers.fromHuggingFace(Fixtures.directory("metaspace"))));
  }

  @ParameterizedTest
  @MethodSource("all")
  void decodesWhatItEncodes(Tokenizer tokenizer) {
    Random random = new Random(1);
    Stream<String> texts = Stream.concat(Fixtures.golden("gpt-2").stream().map(Fixtures.Golden::text),
        Stream.generate(() -> randomText(random)).limit(300));
    boolean byteLevel = tokenizer.describe().startsWith("BPE");
    texts.map(text -> canKeepFirstSpace(tokenizer) ? text : text.stripLeading())
        // SentencePiece writes spaces as U+2581, and llama.cpp puts one after a token of the user's.
        .filter(text -> byteLevel || !(text.contains("\u2581") || text.contains("<tool>")))
        .forEach(text -> {
          assertEquals(text, tokenizer.decode(tokenizer.encode(text, false), false));
          if (byteLevel) {
            assertEquals(text, tokenizer.decode(tokenizer.encode(text, true), true));
          }
        });
  }

  /** The newer kind of SentencePiece's models takes a space at the beginning for the one it would put there. */
  private static boolean canKeepFirstSpace(Tokenizer tokenizer) {
    return !tokenizer.decode(tokenizer.encode(" ", false), false).isEmpty();
  }

  @Test
  void qwen2ComposesWhatTheFileSaysIsComposed() {
    Tokenizer tokenizer = Tokenizers.fromHuggingFace(Fixtures.directory("qwen2"));
    for (Fixtures.Golden golden : Fixtures.golden("qwen2")) {
      assertEquals(Normalizer.normalize(golden.text(), Normalizer.Form.NFC),
          tokenizer.decode(tokenizer.encode(golden.text(), false), false));
    }
  }

  /** Code points of all planes, without those that special tokens are made of. */
  private static String randomText(Random random) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(20); i > 0; i--) {
      int codePoint = switch (random.nextInt(4)) {
        case 0 -> random.nextInt(0x80);
        case 1 -> random.nextInt(0x800);
        case 2 -> random.nextInt(0xD800);
        default -> 0x10000 + random.nextInt(0x100000);
      };
      text.appendCodePoint(codePoint == '>' ? ' ' : codePoint);
    }
    return text.toString();
  }

  @Test
  void controlTokensAreParsedOrLiteralAsAsked() {
    String text = "<|im_start|>user\nHi<|im_end|>";
    int[] parsed = SMOLLM.encode(text, true);
    int[] literal = SMOLLM.encode(text, false);
    assertEquals("<|im_start|>", SMOLLM.piece(parsed[0]));
    assertEquals("<|im_end|>", SMOLLM.piece(parsed[parsed.length - 1]));
    assertTrue(Arrays.stream(literal).noneMatch(SMOLLM::isControl));
    assertEquals(text, SMOLLM.decode(parsed, true));
    assertEquals("user\nHi", SMOLLM.decode(parsed, false));
    assertEquals(text, SMOLLM.decode(literal, false));
  }

  @Test
  void literalTextNeverGivesControlTokensOfSentencePieceEither() {
    // "<s>" is a piece of the vocabulary, and its parts are too.
    int[] literal = SENTENCE_PIECE.encode("<s></s><unk><0x41>", false);
    assertTrue(Arrays.stream(literal).noneMatch(SENTENCE_PIECE::isControl));
    assertEquals("<s></s><unk><0x41>", SENTENCE_PIECE.decode(literal, false));
    assertArrayEquals(new int[] {1, 2, 0}, SENTENCE_PIECE.encode("<s></s><unk>", true));
  }

  @Test
  void userDefinedTokensAreAlwaysFound() {
    for (boolean parseSpecial : new boolean[] {true, false}) {
      int[] ids = SMOLLM.encode("a<tool>b", parseSpecial);
      assertEquals(3, ids.length);
      assertEquals("<tool>", SMOLLM.piece(ids[1]));
      assertFalse(SMOLLM.isControl(ids[1]));
      assertEquals("a<tool>b", SMOLLM.decode(ids, false));
    }
  }

  @Test
  void theLongestOfSpecialTokensWins() {
    Map<String, Object> metadata = Fixtures.byteLevelMetadata("gpt-2");
    @SuppressWarnings("unchecked")
    List<Object> tokens = (List<Object>) metadata.get("tokenizer.ggml.tokens");
    @SuppressWarnings("unchecked")
    List<Object> types = (List<Object>) metadata.get("tokenizer.ggml.token_type");
    for (String piece : List.of("<x", "<x>", "<x><x>", "<x><x>!")) {
      tokens.add(piece);
      types.add(4L);
    }
    Tokenizer tokenizer = Tokenizers.fromGguf("test", metadata);
    int[] ids = tokenizer.encode("<x<x><x><x>?<x><x>!", false);
    assertEquals(List.of("<x", "<x><x>", "<x>", "?", "<x><x>!"), Arrays.stream(ids).mapToObj(tokenizer::piece)
        .toList());
  }

  @Test
  void addsWhatTheFileAsksFor() {
    int bos = SMOLLM.bos();
    int eos = SMOLLM.eos();
    assertArrayEquals(SMOLLM.encode("a", false), SMOLLM.encode("a", true, false));
    Tokenizer both = byteLevel("smollm",
        Map.of("tokenizer.ggml.add_bos_token", true, "tokenizer.ggml.add_eos_token", true));
    int a = SMOLLM.encode("a", false)[0];
    assertArrayEquals(new int[] {bos, a, eos}, both.encode("a", true, false));
    assertArrayEquals(new int[] {bos, eos}, both.encode("", true, false));
    assertArrayEquals(new int[] {a}, both.encode("a", false));
    assertArrayEquals(new int[0], both.encode("", true));
  }

  @Test
  void llama3AndSentencePieceBeginTextsUnlessTheFileSaysOtherwise() {
    Tokenizer llama3 = byteLevel("llama-bpe", Map.of());
    assertArrayEquals(new int[] {llama3.bos()}, llama3.encode("", true, true));
    assertEquals(0, byteLevel("llama-bpe", Map.of("tokenizer.ggml.add_bos_token", false)).encode("", true, true)
        .length);
    assertArrayEquals(new int[] {1}, SENTENCE_PIECE.encode("", true, true));
  }

  @Test
  void allTokensThatEndAGenerationAreFound() {
    int endOfText = SMOLLM.encode("<|endoftext|>", true)[0];
    int endOfTurn = SMOLLM.encode("<|im_end|>", true)[0];
    assertEquals(Set.of(endOfText, endOfTurn), SMOLLM.endOfGeneration());
    assertEquals(Set.of(2), SENTENCE_PIECE.endOfGeneration());
    Tokenizer more = byteLevel("smollm", Map.of("tokenizer.ggml.eot_token_id", 5L, "tokenizer.ggml.eom_token_id", 6L));
    assertEquals(Set.of(endOfText, endOfTurn, 5, 6), more.endOfGeneration());
    assertEquals(Set.of(endOfText, endOfTurn),
        Tokenizers.fromHuggingFace(Fixtures.directory("smollm")).endOfGeneration());
  }

  @Test
  void tokensOutsideTheVocabularyAreRefused() {
    for (int token : new int[] {-1, SMOLLM.size(), Integer.MAX_VALUE, Integer.MIN_VALUE}) {
      assertThrows(IllegalArgumentException.class, () -> SMOLLM.piece(token));
      assertThrows(IllegalArgumentException.class, () -> SMOLLM.bytes(token, true));
      assertThrows(IllegalArgumentException.class, () -> SMOLLM.isControl(token));
      assertThrows(IllegalArgumentException.class, () -> SMOLLM.decode(new int[] {token}, false));
      assertThrows(IllegalArgumentException.class, () -> SMOLLM.newDecoder().push(token));
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void loneSurrogatesAreReplacementCharacters(Tokenizer tokenizer) {
    for (String text : List.of("\uD83D", "a\uDE00b", "\uDE00\uD83D", "x\uD83D\uD83D\uDE00")) {
      String replaced = new String(text.getBytes(StandardCharsets.UTF_16), StandardCharsets.UTF_16);
      assertArrayEquals(tokenizer.encode(replaced, true), tokenizer.encode(text, true));
      assertEquals(replaced, tokenizer.decode(tokenizer.encode(text, true), true));
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void timeGrowsWithTheTextAndNotWithItsSquare(Tokenizer tokenizer) {
    Random random = new Random(2);
    List<String> texts = List.of("abcdefghij".repeat(10_000), " ".repeat(1_000_000), "\n".repeat(300_000),
        "1".repeat(300_000), "a".repeat(1_000_000), "'".repeat(300_000), "a'S ".repeat(100_000),
        "\u0301".repeat(300_000), "é東😀".repeat(100_000), "<|im_".repeat(100_000), "Aʰ".repeat(100_000),
        Stream.generate(() -> randomText(random)).limit(30_000).reduce(new StringBuilder(), StringBuilder::append,
            StringBuilder::append).toString());
    assertTimeoutPreemptively(Duration.ofSeconds(60), () -> texts.stream().map("x"::concat).forEach(text ->
        assertTrue(text.equals(tokenizer.decode(tokenizer.encode(text, false), false)))));
  }

  @Test
  void aTokenizerServesSeveralThreads() {
    String text = Fixtures.golden("smollm").stream().map(Fixtures.Golden::text).reduce("", String::concat);
    int[] expected = SMOLLM.encode(text, true);
    IntStream.range(0, 32).parallel().forEach(_ -> assertArrayEquals(expected, SMOLLM.encode(text, true)));
  }

  @Test
  void saysWhatItIs() {
    assertEquals("BPE, pre-tokenizer smollm, " + SMOLLM.size() + " tokens", SMOLLM.describe());
    assertEquals("SentencePiece BPE, 900 tokens", SENTENCE_PIECE.describe());
    assertEquals("BPE, pre-tokenizer digits + gpt-2, " + SMOLLM.size() + " tokens",
        Tokenizers.fromHuggingFace(Fixtures.directory("smollm")).describe());
  }

  @Test
  void byteTokensAreBytes() {
    int[] ids = SENTENCE_PIECE.encode("\u0379", false);
    byte[] last = SENTENCE_PIECE.bytes(ids[ids.length - 1], false);
    assertArrayEquals(new byte[] {(byte) 0xB9}, last);
    assertEquals("<0xB9>", SENTENCE_PIECE.piece(ids[ids.length - 1]));
  }

  @Test
  void aSpaceIsPutBeforeTextUnlessTheFileSaysOtherwise() {
    Map<String, Object> metadata = Fixtures.sentencePieceMetadata();
    metadata.put("tokenizer.ggml.add_space_prefix", false);
    Tokenizer bare = Tokenizers.fromGguf("sentencepiece", metadata);
    assertArrayEquals(bare.encode(" the", false), SENTENCE_PIECE.encode("the", false));
    assertEquals(" the", bare.decode(bare.encode(" the", false), false));
    assertEquals("the", SENTENCE_PIECE.decode(SENTENCE_PIECE.encode("the", false), false));
    assertEquals(" the", SENTENCE_PIECE.decode(SENTENCE_PIECE.encode(" the", false), false));
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt-2", "phi-2", "mpt", "olmo", "exaone4", "smollm", "starcoder", "command-r", "llama-bpe",
      "llama3", "falcon3", "pixtral", "glm4", "dbrx", "smaug-bpe", "qwen2", "deepseek-r1-qwen", "stablelm2", "default",
      "falcon", "tekken", "gpt-4o", "llama4"})
  void preTokenizersAreKnownByTheirNames(String name) {
    Tokenizer tokenizer = byteLevel("gpt-2", Map.of("tokenizer.ggml.pre", name));
    assertEquals("It's 12345!", tokenizer.decode(tokenizer.encode("It's 12345!", false), false));
  }
}
