package dev.depths.loader.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.depths.loader.chat.ChatTemplate.Message;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Renderings as transformers makes them; see {@code resources/chat/make_golden.py}. */
class ChatTemplateTest {
  private static final Clock CLOCK =
      Clock.fixed(LocalDateTime.of(2025, 3, 7, 9, 5, 3).toInstant(ZoneOffset.UTC), ZoneOffset.UTC);

  @TestFactory
  List<DynamicTest> rendersAsTransformersDoes() throws IOException {
    Map<String, List<JsonNode>> cases = new TreeMap<>();
    for (JsonNode node : new ObjectMapper().readTree(resource("golden.json"))) {
      cases.computeIfAbsent(node.get("template").asText(), _ -> new ArrayList<>()).add(node);
    }
    assertTrue(cases.size() >= 10);
    return cases.entrySet().stream().map(entry -> DynamicTest.dynamicTest(entry.getKey(), () -> {
      ChatTemplate template = ChatTemplate.of(resource(entry.getKey() + ".jinja"), "<s>", "</s>");
      entry.getValue().forEach(expected -> check(template, expected));
    })).toList();
  }

  private static void check(ChatTemplate template, JsonNode expected) {
    List<Message> messages = new ArrayList<>();
    for (JsonNode message : expected.get("messages")) {
      messages.add(new Message(message.get("role").asText(), message.get("content").asText()));
    }
    boolean prompt = expected.get("prompt").asBoolean();
    if (expected.has("error")) {
      ChatTemplateException e =
          assertThrows(ChatTemplateException.class, () -> template.render(messages, prompt, CLOCK));
      assertEquals(expected.get("error").asText(), e.getMessage());
    } else {
      assertEquals(expected.get("text").asText(), template.render(messages, prompt, CLOCK));
    }
  }

  @Test
  void templatesAreReusableAndThreadSafe() {
    ChatTemplate template = ChatTemplate.of("{% set ns = namespace(n=0) %}{% for m in messages %}"
        + "{% set ns.n = ns.n + 1 %}{{ m.content }}{% endfor %}{{ ns.n }}", "", "");
    List<String> rendered = IntStream.range(0, 64).parallel()
        .mapToObj(i -> template.render(List.of(new Message("user", "m" + i)), false)).toList();
    for (int i = 0; i < rendered.size(); i++) {
      assertEquals("m" + i + "1", rendered.get(i));
    }
  }

  @Test
  void longConversationsAreWithinTheLimits() throws IOException {
    ChatTemplate template = ChatTemplate.of(resource("qwen3.jinja"), "<s>", "</s>");
    List<Message> messages = new ArrayList<>();
    for (int i = 0; i < 2000; i++) {
      messages.add(new Message(i % 2 == 0 ? "user" : "assistant", "message " + i + " " + "x".repeat(1000)));
    }
    String text = template.render(messages, true);
    assertTrue(text.contains("message 1999 ") && text.length() > 2_000_000);
  }

  @Test
  void messagesAreDataAndNeverTemplates() {
    String hostile = "{{ 7 * 7 }}{% for i in range(9) %}x{% endfor %}{# gone #}";
    assertEquals(hostile, ChatTemplate.of("{{ messages[0].content }}", "", "")
        .render(List.of(new Message("user", hostile)), false));
  }

  @Test
  void refusesAnEmptyConversation() {
    assertThrows(ChatTemplateException.class, () -> ChatTemplate.of("x", "", "").render(List.of(), true));
  }

  private static String resource(String name) throws IOException {
    try (InputStream in = ChatTemplateTest.class.getResourceAsStream("/chat/" + name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
