package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.depths.loader.GgufWriter;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.runtime.Counters;
import dev.depths.runtime.Model;
import dev.depths.runtime.ModelOptions;
import dev.depths.runtime.Session;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

class RouteCommandTest {
  private static final String HOSTILE = "<b>&amp;\"'</td></svg>\u001b[31m\u0000\u202e\r\n\t \u00e9\u65e5]]><!--";

  @TempDir
  Path directory;

  private Path model;

  @BeforeEach
  void writeModel() throws IOException {
    model = TinyModel.write(directory, "routed.gguf", TinyModel.routed());
  }

  /** Halves of the second block with routers of their own: one computes vowels, the other digits. */
  private static GgufWriter halves() {
    float[] vowels = TinyModel.router("aeiou");
    float[] digits = TinyModel.router("0123456789");
    return TinyModel.dense()
        .put("mod.version", 1)
        .put("mod.blocks", List.of(1))
        .put("mod.granularity", "attention+mlp/token")
        .put("mod.router", "linear")
        .put("mod.selection", "threshold")
        .put("mod.threshold", 0.5f)
        .put("mod.combine", "x+f")
        .tensor("blk.1.mod_attn_router.weight", vowels, 1, vowels.length)
        .tensor("blk.1.mod_mlp_router.weight", digits, 1, digits.length);
  }

  private JsonNode json(Object... args) throws IOException {
    Path out = directory.resolve("map.json");
    CommandRun run = route(out, args);
    assertEquals(0, run.code(), run.err());
    assertEquals("", run.out());
    assertTrue(run.err().startsWith("wrote " + out + ": "), run.err());
    return new ObjectMapper().readTree(out.toFile());
  }

  private CommandRun route(Path out, Object... args) {
    return CommandRun.of(Stream.concat(Stream.of("route", "-o", out), Stream.of(args)).toArray());
  }

  private Document document(String name, Object... args) throws Exception {
    Path out = directory.resolve(name);
    CommandRun run = route(out, args);
    assertEquals(0, run.code(), run.err());
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    return factory.newDocumentBuilder().parse(new ByteArrayInputStream(Files.readAllBytes(out)));
  }

  /** The elements with this name whose class says that they are cells of a map, legend excluded. */
  private static List<Element> cells(Document document, String name) {
    NodeList all = document.getElementsByTagName(name);
    return IntStream.range(0, all.getLength()).mapToObj(i -> (Element) all.item(i))
        .filter(e -> e.getAttribute("class").matches("[cs]\\d"))
        .filter(e -> e.hasAttribute("title") || e.getElementsByTagName("title").getLength() > 0).toList();
  }

  @Test
  void withoutColoursItIsPlainText() {
    CommandRun run = CommandRun.of("route", "-m", model, "hello a\n");
    assertEquals(0, run.code(), run.err());
    assertEquals("", run.err());
    assertEquals("""
        routed.gguf

                      he l l o · a ↵
        block 1  43 % ░░ ─ ─ █ ─ █ ─
        depth         ██ ▁ ▁ █ ▁ █ ▁

        computed ░▒▓█ by the sigmoid of the score, in quarters from 0 to 1; skipped ─
        depth ▁ to █: share of the routed blocks that ran a token
        7 tokens, selection by threshold; 42.9 % of the passes through 1 routed blocks were run: 3 of 7
        """, run.out());
  }

  @Test
  void rowsAreAsLongAsTheScreenIsWide() {
    CommandRun run = CommandRun.of("route", "-m", model, "abc".repeat(20));
    assertEquals(2, run.out().lines().filter(line -> line.startsWith("depth  ")).count(), run.out());
    assertTrue(run.out().lines().filter(line -> line.startsWith("block 1 ")).allMatch(line -> line.length() <= 100));
  }

  @Test
  void terminalsShowColours() {
    CommandRun run = CommandRun.onTerminal("route", "-m", model, "hi\u001b");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().contains("\u001b[48;5;254m\u001b[38;5;16m\\x1b\u001b[0m"), run.out());
    assertFalse(run.out().replaceAll("\u001b\\[[0-9;]+m", "").contains("\u001b"), run.out());
  }

  @ParameterizedTest
  @ValueSource(strings = {"routed", "halves"})
  void jsonTellsWhatTheSessionDid(String name) throws IOException {
    Path file = TinyModel.write(directory, "m.gguf", name.equals("routed") ? TinyModel.routed() : halves());
    JsonNode json = json("-m", file, "-f", Files.writeString(directory.resolve("text"), "hello 123 aeiou"));
    assertEquals("m.gguf", json.get("model").asText());
    assertTrue(json.get("adapter").isNull());
    assertEquals("threshold", json.get("selection").asText());
    try (Model opened = Model.open(file, ModelOptions.defaults()); Session session = opened.newSession()) {
      int[] ids = opened.tokenizer().encode("hello 123 aeiou", true, true);
      session.prefill(ids);
      assertArrayEquals(ids, IntStream.range(0, ids.length).map(i -> json.get("tokens").get(i).get("id").asInt()).toArray());
      List<Counters.RoutedPart> routed = session.counters().routed();
      assertEquals(routed.size(), json.get("blocks").size());
      for (int b = 0; b < routed.size(); b++) {
        JsonNode block = json.get("blocks").get(b);
        Part part = Part.valueOf(block.get("part").asText().toUpperCase(Locale.ROOT));
        assertEquals(routed.get(b).block(), block.get("block").asInt());
        assertEquals(routed.get(b).part(), part);
        int[] computed = IntStream.range(0, ids.length).filter(i -> block.get("computed").get(i).asInt() == 1).toArray();
        assertArrayEquals(session.computedPositions(routed.get(b).block(), part), computed);
        assertEquals((double) routed.get(b).tokensComputed() / ids.length, block.get("share").asDouble());
        for (int i = 1; i < ids.length; i++) {
          assertEquals(block.get("computed").get(i).asInt() == 1, block.get("scores").get(i).asDouble() > 0);
        }
      }
      Counters counters = session.counters();
      long run = counters.routed().stream().mapToLong(Counters.RoutedPart::tokensComputed).sum();
      assertEquals(run, json.get("totals").get("computed").asLong());
      assertEquals(ids.length * routed.size(), json.get("totals").get("decisions").asLong());
      assertEquals(ids.length, json.get("totals").get("tokens").asInt());
      assertEquals((double) run / ids.length / routed.size(), json.get("totals").get("share").asDouble());
    }
  }

  @Test
  void textsOfTokensAreTheText() throws IOException {
    String text = "hé日 <|im_end|>🎉\u001b\n";
    JsonNode tokens = json("-m", model, text).get("tokens");
    StringBuilder joined = new StringBuilder();
    tokens.forEach(token -> joined.append(token.get("text").asText()));
    assertEquals(text, joined.toString());
    assertEquals("<|im_end|>", tokens.get(7).get("text").asText());
  }

  @Test
  void scoringModelsAreShownUnderTheirOwnRule() throws IOException {
    Path scoring = TinyModel.write(directory, "topk.gguf", TinyModel.routed().put("mod.selection", "topk"));
    JsonNode own = json("-m", scoring, "abcdefgh");
    assertEquals("topk", own.get("selection").asText());
    assertEquals(4, own.get("totals").get("computed").asInt());
    JsonNode threshold = json("-m", scoring, "--selection", "threshold", "abcdefgh");
    assertEquals("threshold", threshold.get("selection").asText());
    assertEquals(2, threshold.get("totals").get("computed").asInt());
    CommandRun run = CommandRun.of("route", "-m", scoring, "--selection", "predictor", "a");
    assertEquals(1, run.code());
    assertTrue(run.err().contains("the model has no predictor in block 1"), run.err());
  }

  @Test
  void pagesAndDrawingsAreWellFormedAndComplete() throws Exception {
    for (String text : List.of("hello", HOSTILE, "a1b2c3d4e5".repeat(25))) {
      int tokens = json("-m", model, text).get("totals").get("tokens").asInt();
      int computed = json("-m", model, text).get("totals").get("computed").asInt();
      for (String[] kind : new String[][] {{"map.html", "td"}, {"map.svg", "rect"}}) {
        Document document = document(kind[0], "-m", model, text);
        List<Element> cells = cells(document, kind[1]);
        assertEquals(tokens, cells.size(), kind[0]);
        assertEquals(computed, cells.stream().filter(c -> c.getAttribute("class").startsWith("c")).count(), kind[0]);
      }
    }
  }

  @Test
  void noTextIsMarkup() throws Exception {
    Document page = document("map.html", "-m", model, HOSTILE);
    assertEquals(0, page.getElementsByTagName("b").getLength());
    assertTrue(page.getDocumentElement().getTextContent().contains("\\x1b"));
    Document drawing = document("map.svg", "-m", model, HOSTILE);
    assertEquals(1, drawing.getElementsByTagName("svg").getLength());
    assertTrue(drawing.getDocumentElement().getTextContent().contains("\\u{202e}"));
    for (String name : List.of("map.html", "map.svg")) {
      String text = Files.readString(directory.resolve(name));
      assertTrue(text.chars().noneMatch(c -> c < ' ' && c != '\n' || c == 0x202E), name);
    }
  }

  @Test
  void longTextsAreInRows() throws Exception {
    Path longer = TinyModel.write(directory, "long.gguf", TinyModel.routed().put("llama.context_length", 600));
    Document page = document("map.html", "-m", longer, "ab".repeat(250));
    assertEquals(500, cells(page, "td").size());
    assertTrue(page.getElementsByTagName("table").getLength() > 10);
    Element drawing = document("map.svg", "-m", longer, "ab".repeat(250)).getDocumentElement();
    assertTrue(Integer.parseInt(drawing.getAttribute("width")) < 1200);
  }

  @Test
  void halvesHaveRowsOfTheirOwn() throws IOException {
    Path halves = TinyModel.write(directory, "halves.gguf", halves());
    String out = CommandRun.of("route", "-m", halves, "a1").out();
    assertTrue(out.contains("""
        block 1 attention  50 % █ ─
        block 1 mlp        50 % ─ █
        depth                   ▅ ▅
        """), out);
    assertTrue(out.contains("50.0 % of the passes through 2 routed parts of blocks were run: 2 of 4"), out);
  }

  @Test
  void denseModelsAreRefused() throws IOException {
    Path dense = TinyModel.write(directory, "dense.gguf", TinyModel.dense());
    CommandRun run = CommandRun.of("route", "-m", dense, "a");
    assertEquals(1, run.code());
    assertEquals("depths route: the model has no routed blocks: every token runs all of them\n", run.err());
  }

  @Test
  void failuresLeaveNoFile() throws IOException {
    CommandRun run = route(directory.resolve("map.svg"), "-m", model, "");
    assertEquals(1, run.code());
    assertEquals("depths route: there are no tokens\n", run.err());
    run = route(directory.resolve("map.svg"), "-m", model, "a".repeat(TinyModel.CONTEXT + 1));
    assertEquals(1, run.code());
    assertTrue(run.err().contains("the context length is 256"), run.err());
    run = route(directory.resolve("missing/map.svg"), "-m", model, "a");
    assertEquals(1, run.code());
    assertEquals("depths route: " + directory.resolve("missing") + ": no such file or directory\n", run.err());
    try (Stream<Path> files = Files.list(directory)) {
      assertEquals(List.of(model), files.toList());
    }
  }

  @Test
  void otherEndingsAreNotUnderstood() {
    CommandRun run = route(Path.of("map.png"), "-m", model, "a");
    assertEquals(2, run.code());
    assertEquals("depths route: -o must end in .html, .svg or .json, not 'map.png' (see 'depths route --help')\n",
        run.err());
  }
}
