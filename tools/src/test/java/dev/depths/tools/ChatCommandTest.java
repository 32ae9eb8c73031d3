package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChatCommandTest {
  private static final String REPLY = "abcdefghijklmnopqrstuvwxyz\n";
  /** {@code <|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n}; both tags and all bytes are one token each. */
  private static final int FIRST_TURN = 1 + 5 + 2 + 1 + 1 + 1 + 10;
  /** The same after the reply, whose end of turn was drawn but not computed. */
  private static final int NEXT_TURN = 2 + FIRST_TURN;

  @TempDir
  static Path directory;

  private static Path model;

  @BeforeAll
  static void writeModel() throws IOException {
    model = TinyModel.write(directory, "routed.gguf", TinyModel.routed());
  }

  private static CommandRun chat(String input, Object... args) {
    Object[] all = new Object[args.length + 5];
    System.arraycopy(new Object[] {"chat", "-m", model, "--temp", "0"}, 0, all, 0, 5);
    System.arraycopy(args, 0, all, 5, args.length);
    return CommandRun.withInput(input, all);
  }

  private static int promptTokens(CommandRun run) {
    Matcher matcher = Pattern.compile("prompt .* (\\d+) tokens").matcher(run.err());
    assertTrue(matcher.find(), run.err());
    return Integer.parseInt(matcher.group(1));
  }

  @Test
  void repliesToEachLine() {
    CommandRun run = chat("hi\n");
    assertEquals(0, run.code(), run.err());
    assertEquals(REPLY, run.out());
    assertEquals(FIRST_TURN, promptTokens(run));
  }

  @Test
  void nextTurnComputesOnlyWhatIsNew() {
    CommandRun run = chat("hi\nhi\nhi");
    assertEquals(REPLY.repeat(3), run.out());
    assertEquals(FIRST_TURN + 2 * NEXT_TURN, promptTokens(run));
  }

  @Test
  void lastTokenOfACutReplyIsComputedWithTheNextTurn() {
    CommandRun run = chat("hi\nhi\n", "-n", "3");
    assertEquals("abc\nabc\n", run.out());
    assertEquals(FIRST_TURN + NEXT_TURN + 1, promptTokens(run));
  }

  @Test
  void stoppedReplyIsComputedAgain() {
    CommandRun run = chat("hi\nhi\n", "--stop", "de");
    assertEquals("abc\nabc\n", run.out());
    assertEquals(FIRST_TURN + FIRST_TURN + 3 + NEXT_TURN, promptTokens(run));
  }

  @Test
  void templateThatRewritesEarlierTurnsIsComputedAgain() throws IOException {
    String upper = TinyModel.TEMPLATE.replace("message['content']", "message['content'] | upper");
    Path other = TinyModel.write(directory, "upper.gguf", TinyModel.routed().put("tokenizer.chat_template", upper));
    CommandRun run = CommandRun.withInput("hi\nhi\n", "chat", "-m", other, "--temp", "0");
    assertEquals(REPLY.repeat(2), run.out());
    assertEquals(FIRST_TURN + FIRST_TURN + 26 + NEXT_TURN, promptTokens(run));
  }

  @Test
  void templateThatTrimsRepliesIsNot() throws IOException {
    String trimming = TinyModel.TEMPLATE.replace("message['content']", "message['content'] | trim");
    Path other = TinyModel.write(directory, "trim.gguf", TinyModel.routed().put("tokenizer.chat_template", trimming));
    CommandRun run = CommandRun.withInput("hi\nhi\n", "chat", "-m", other, "--temp", "0");
    assertEquals(FIRST_TURN + NEXT_TURN, promptTokens(run));
  }

  @Test
  void routingOfAllTurnsIsCounted() {
    String once = chat("hi\n").err();
    String twice = chat("hi\n/reset\nhi\n").err();
    assertEquals(2 * passes(once), passes(twice));
  }

  private static int passes(String err) {
    Matcher matcher = Pattern.compile("were run: \\d+ of (\\d+)").matcher(err);
    assertTrue(matcher.find(), err);
    return Integer.parseInt(matcher.group(1));
  }

  @Test
  void resetForgets() {
    CommandRun run = chat("hi\n/reset\nhi\n");
    assertEquals(REPLY.repeat(2), run.out());
    assertEquals(2 * FIRST_TURN, promptTokens(run));
    assertTrue(run.err().contains("new conversation"));
  }

  @Test
  void exitEnds() {
    CommandRun run = chat("hi\n/exit\nhi\n");
    assertEquals(0, run.code());
    assertEquals(REPLY, run.out());
  }

  @Test
  void systemMessageOpensTheConversation() {
    CommandRun run = chat("hi\n", "--system", "xyz");
    assertEquals(FIRST_TURN + 1 + 7 + 3 + 1 + 1, promptTokens(run));
  }

  @Test
  void emptyLinesAreNoTurns() {
    assertEquals(REPLY, chat("\n\nhi\n\n").out());
    assertEquals("", chat("").out());
  }

  @Test
  void fullContextIsAnError() {
    CommandRun run = chat("hi\nhi\n", "--ctx", "64");
    assertEquals(1, run.code());
    assertEquals(REPLY, run.out());
    assertTrue(run.err().contains("context is full"), run.err());
  }

  @Test
  void replyStopsAtTheEndOfTheContext() {
    CommandRun run = chat("hi\n", "--ctx", "30");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().startsWith("abcdefghi"), run.out());
    assertTrue(run.err().contains("the context of 30 tokens is full"), run.err());
  }

  @Test
  void modelWithoutTemplateIsRefused() throws IOException {
    Path plain = TinyModel.write(directory, "plain.gguf", TinyModel.dense());
    CommandRun run = CommandRun.withInput("hi\n", "chat", "-m", plain);
    assertEquals(1, run.code());
    assertEquals(1, run.err().lines().count(), run.err());
    assertTrue(run.err().contains("chat template"), run.err());
  }

  @Test
  void templateThatRendersNothingIsAnError() throws IOException {
    Path empty = TinyModel.write(directory, "empty.gguf", TinyModel.routed().put("tokenizer.chat_template", "{# #}"));
    CommandRun run = CommandRun.withInput("hi\n", "chat", "-m", empty);
    assertEquals(1, run.code());
    assertEquals("depths chat: the chat template renders no text\n", run.err());
  }
}
