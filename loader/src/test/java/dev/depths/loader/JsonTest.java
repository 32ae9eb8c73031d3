package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class JsonTest {
  private static Map<String, Object> read(String text) {
    return Json.object("f.json", "text", text, "");
  }

  @Test
  void valuesAndPaths() {
    assertEquals(
        Map.of("a", 1L, "b.c", 1.5, "b.d.e", "x", "list", List.of(true, 2L, List.of(), Map.of("k", "v"))),
        read("""
            {"a": 1, "b": {"c": 1.5, "d": {"e": "x"}}, "none": null, "list": [true, 2, [], {"k": "v"}]}"""));
  }

  @Test
  void refusals() {
    assertMalformed("f.json: text", "is no JSON object", () -> read("[1]"));
    assertMalformed("f.json: text", "is no JSON object", () -> read(""));
    assertMalformed("f.json: text", "goes on after the JSON object", () -> read("{} {}"));
    assertMalformed("f.json: text, line 1 column", "is no valid JSON", () -> read("{\"a\": }"));
    assertMalformed("f.json: text, line 1 column", "is no valid JSON", () -> read("{\"a\": 1"));
    assertMalformed("f.json: text, line 1 column", "Duplicate field 'a'", () -> read("{\"a\": 1, \"a\": 2}"));
    assertMalformed("f.json: a.b", "appears twice", () -> read("{\"a.b\": 1, \"a\": {\"b\": 2}}"));
    assertMalformed("f.json: a", "expected less than 2^63", () -> read("{\"a\": 92233720368547758070}"));
    assertMalformed("f.json: text", "Number value length (200)", () -> read("{\"a\": " + "9".repeat(200) + "}"));
    assertMalformed("f.json: text", "Document nesting depth (33)", () -> read("{\"a\": " + "[".repeat(100_000)));
    assertMalformed("f.json: text", "Document nesting depth (33)", () -> read("{\"a\":".repeat(100_000)));
    assertMalformed("f.json: a", "is one value too many, expected at most 262144",
        () -> read("{\"a\": [" + "1,".repeat(300_000) + "1]}"));
    assertMalformed("f.json: text", "Name length", () -> read("{\"" + "k".repeat(5000) + "\": 1}"));
  }
}
