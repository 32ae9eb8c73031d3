package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GenerateCommandTest {
  @TempDir
  static Path directory;

  private static Path model;

  @BeforeAll
  static void writeModel() throws IOException {
    model = TinyModel.write(directory, "routed.gguf", TinyModel.routed());
  }

  private static CommandRun generate(Object... args) {
    Object[] all = new Object[args.length + 5];
    System.arraycopy(new Object[] {"generate", "-m", model, "--temp", "0"}, 0, all, 0, 5);
    System.arraycopy(args, 0, all, 5, args.length);
    return CommandRun.of(all);
  }

  @Test
  void textAloneGoesToStandardOutput() {
    CommandRun run = generate("-n", "5", "a");
    assertEquals(0, run.code(), run.err());
    assertEquals("bcdef\n", run.out());
  }

  @Test
  void endOfTurnEndsTheText() {
    assertEquals("yz\n", generate("-n", "50", "x").out());
  }

  @Test
  void endOfTurnIsIgnoredOnRequest() throws IOException {
    JsonNode json = new ObjectMapper().readTree(generate("-n", "9", "--ignore-eos", "--json", "x").out());
    assertEquals("length", json.get("finish").asText());
    assertEquals(9, json.get("tokens").size());
  }

  @Test
  void summaryTellsTimesAndShareOfRoutedBlocks() {
    CommandRun run = generate("-n", "5", "--seed", "7", "a");
    // Positions a to e are computed: the first and the vowels a and e run block 1.
    assertTrue(Pattern.compile("load +[\\d.]+ ms\\R"
        + "prompt +[\\d.]+ ms / +1 tokens \\( *[\\d.]+ tokens per second\\)\\R"
        + "generation +[\\d.]+ ms / +5 tokens \\( *[\\d.]+ tokens per second\\)\\R"
        + "depth +40.0 %  of the passes through 1 routed blocks were run: 2 of 5\\R"
        + "seed +7\\R").matcher(run.err()).find(), run.err());
  }

  @Test
  void severalContinuationsAtOnce() throws IOException {
    CommandRun run = generate("-n", "5", "--seed", "7", "--parallel", "3", "a");
    assertEquals(0, run.code(), run.err());
    assertEquals("--- 1, seed 7\nbcdef\n--- 2, seed 8\nbcdef\n--- 3, seed 9\nbcdef\n", run.out());
    assertTrue(run.err().contains("/     15 tokens"), run.err());
    JsonNode json = new ObjectMapper().readTree(
        generate("-n", "5", "--seed", "7", "--parallel", "2", "--json", "a").out());
    assertEquals(2, json.size());
    assertEquals("bcdef", json.get(1).get("text").asText());
    assertEquals(8, json.get(1).get("seed").asLong());
    assertEquals(2, generate("--parallel", "0", "a").code());
  }

  @Test
  void selection() {
    assertEquals("bcdef\n", generate("-n", "5", "--selection", "threshold", "a").out());
    CommandRun predictor = generate("-n", "5", "--selection", "predictor", "a");
    assertEquals(1, predictor.code());
    assertTrue(predictor.err().contains("has no predictor in block 1"), predictor.err());
    CommandRun topK = generate("--selection", "topk", "a");
    assertEquals(2, topK.code());
    assertTrue(topK.err().contains("cannot generate"), topK.err());
    assertEquals(2, generate("--selection", "best", "a").code());
  }

  @Test
  void jsonIsOneObject() throws IOException {
    CommandRun run = generate("--json", "-n", "5", "--seed", "7", "a");
    assertEquals(0, run.code(), run.err());
    assertEquals(1, run.out().lines().count());
    JsonNode json = new ObjectMapper().readTree(run.out());
    assertEquals("bcdef", json.get("text").asText());
    assertEquals(5, json.get("tokens").size());
    assertEquals(TinyModel.id('b'), json.get("tokens").get(0).asInt());
    assertEquals("length", json.get("finish").asText());
    assertEquals(7, json.get("seed").asLong());
    JsonNode timings = json.get("timings");
    assertTrue(timings.get("load").get("ms").asDouble() > 0);
    assertEquals(1, timings.get("prompt").get("tokens").asInt());
    assertEquals(5, timings.get("generation").get("tokens").asInt());
    assertTrue(timings.get("generation").get("per_second").asDouble() > 0);
    assertTrue(json.get("memory").get("weight_bytes").asLong() > 0);
    assertTrue(json.get("memory").get("kv_bytes").asLong() > 0);
    JsonNode block = json.get("routing").get(0);
    assertEquals(1, block.get("block").asInt());
    assertEquals(5, block.get("tokens_seen").asInt());
    assertEquals(2, block.get("tokens_computed").asInt());
  }

  @Test
  void stopTextIsNotPrinted() {
    assertEquals("bcd\n", generate("-n", "20", "--stop", "efg", "a").out());
    assertEquals("bcdefg\n", generate("-n", "6", "--stop", "fgh", "a").out(), "what was held back");
  }

  @Test
  void charactersArriveWhole() {
    assertEquals("éEéE\n", generate("-n", "6", "E").out());
    assertEquals("é\n", generate("-n", "2", "E").out());
  }

  @Test
  void readsPromptsFromFilesAndStandardInput() throws IOException {
    Path file = Files.writeString(directory.resolve("prompt"), "1");
    assertEquals("2\n", generate("-n", "1", "-f", file).out());
    assertEquals("7\n", CommandRun.withInput("6", "generate", "-m", model, "--temp", "0", "-n", "1", "-").out());
    assertEquals("7\n", CommandRun.withInput("6", "generate", "-m", model, "--temp", "0", "-n", "1", "-f", "-").out());
  }

  @Test
  void endOfLineInFilesCounts() throws IOException {
    Path file = Files.writeString(directory.resolve("line"), "1\n");
    assertEquals("ab\n", generate("-n", "2", "-f", file).out());
  }

  @Test
  void refusesFilesThatAreNotText() throws IOException {
    Path file = Files.write(directory.resolve("latin1"), new byte[] {'a', (byte) 0xE9, 'b'});
    CommandRun run = generate("-f", file);
    assertEquals(1, run.code());
    assertEquals("depths generate: " + file + ": byte 1: not UTF-8 text\n", run.err());
  }

  @Test
  void refusesAnEmptyPrompt() {
    CommandRun run = generate("");
    assertEquals(1, run.code());
    assertEquals("depths generate: the prompt is empty\n", run.err());
  }

  @Test
  void fullContextIsACleanStop() {
    CommandRun run = generate("--ctx", "8", "-n", "-1", "1");
    assertEquals(0, run.code());
    assertTrue(run.out().startsWith("2345678"), run.out());
    assertTrue(run.err().contains("stopped: the context of 8 tokens is full"), run.err());
  }

  @Test
  void promptBeyondTheContextIsAnError() {
    CommandRun run = generate("--ctx", "4", "123456");
    assertEquals(1, run.code());
    assertEquals("depths generate: context is full: 0 tokens held and 6 more asked for, but the context length is 4\n",
        run.err());
    assertEquals("", run.out());
  }

  @Test
  void contextBeyondTheModelsIsAnError() {
    CommandRun run = generate("--ctx", "100000", "1");
    assertEquals(1, run.code());
    assertEquals("depths generate: --ctx 100000 is beyond the model's context of " + TinyModel.CONTEXT + " tokens\n",
        run.err());
  }

  @Test
  void sameSeedSameText() {
    Object[] args = {"generate", "-m", model, "--temp", "20", "--top-k", "0", "--top-p", "1", "--min-p", "0",
      "--seed", "3", "-n", "20", "a"};
    String first = CommandRun.of(args).out();
    assertEquals(first, CommandRun.of(args).out());
    args[13] = "4";
    assertFalse(first.equals(CommandRun.of(args).out()));
  }

  @Test
  void exactModeAndThreads() {
    assertEquals("bcdef\n", generate("--exact", "-t", "1", "-n", "5", "a").out());
    assertEquals("bcdef\n", generate("-t", "3", "-n", "5", "a").out());
  }

  @Test
  void routingIsShownInColoursOnATerminalAlone() {
    Object[] args = {"generate", "-m", model, "--temp", "0", "-n", "3", "--show-routing", "a"};
    assertEquals("bcd\n", CommandRun.of(args).out());
    assertFalse(CommandRun.of(args).err().contains("share of the routed blocks"));
    CommandRun run = CommandRun.onTerminal(args);
    // The position of a, which b was drawn from, was computed.
    String computed = "\u001b[48;5;19m\u001b[38;5;231m";
    String skipped = "\u001b[48;5;254m\u001b[38;5;16m";
    assertEquals(computed + "b\u001b[0m" + skipped + "c\u001b[0m" + skipped + "d\u001b[0m\n", run.out());
    assertTrue(run.err().startsWith("share of the routed blocks that ran a token: " + skipped + " 0 \u001b[0m"), run.err());
  }

  @Test
  void denseModelsHaveNoRoutingToShow() throws IOException {
    Path dense = TinyModel.write(directory, "dense-shown.gguf", TinyModel.dense());
    CommandRun run = CommandRun.of("generate", "-m", dense, "--show-routing", "a");
    assertEquals(1, run.code());
    assertEquals("depths generate: the model has no routed blocks: every token runs all of them\n", run.err());
  }

  @Test
  void denseModelHasNoRoutingLine() throws IOException {
    Path dense = TinyModel.write(directory, "dense.gguf", TinyModel.dense());
    CommandRun run = CommandRun.of("generate", "-m", dense, "--temp", "0", "-n", "2", "a");
    assertEquals("bc\n", run.out());
    assertFalse(run.err().contains("depth"), run.err());
  }

  @Test
  void vocabularyWithoutModelIsRefused() throws IOException {
    Path vocabulary = TinyModel.write(directory, "vocabulary.gguf", TinyModel.vocabulary());
    CommandRun run = CommandRun.of("generate", "-m", vocabulary, "x");
    assertEquals(1, run.code());
    assertTrue(run.err().matches("depths generate: [^\\n]*vocabulary.gguf[^\\n]*\\n"), run.err());
    assertFalse(run.err().contains("internal error"), run.err());
  }

  @Test
  void readerThatHasHadEnoughEndsQuietly() {
    CommandRun run = CommandRun.withOutput(new FailingOutput("Broken pipe"), "generate", "-m", model, "-n", "-1", "1");
    assertEquals(0, run.code());
    assertEquals("", run.err());
  }

  @Test
  void fullDiskIsAnError() {
    CommandRun run = CommandRun.withOutput(
        new FailingOutput("No space left on device"), "generate", "-m", model, "-n", "-1", "1");
    assertEquals(1, run.code());
    assertEquals("depths generate: cannot write to standard output: No space left on device\n", run.err());
  }

  /** Takes nothing. */
  private static final class FailingOutput extends OutputStream {
    private final String message;

    FailingOutput(String message) {
      this.message = message;
    }

    @Override
    public void write(int b) throws IOException {
      throw new IOException(message);
    }
  }
}
