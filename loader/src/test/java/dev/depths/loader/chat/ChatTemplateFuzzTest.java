package dev.depths.loader.chat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.depths.loader.chat.ChatTemplate.Message;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever the template, rendering ends in text or in a {@link ChatTemplateException}. */
class ChatTemplateFuzzTest {
  private static final List<Message> MESSAGES =
      List.of(new Message("system", "be {{ 1 }}"), new Message("user", " hi\n"), new Message("assistant", "x"));

  /** Loading the interpreter under the fuzzer's instrumentation takes seconds, which are no template's. */
  @BeforeAll
  static void loadInterpreter() {
    ChatTemplate.of("{{ 1 }}", "", "").render(MESSAGES, true);
  }

  static Stream<Arguments> seeds() throws IOException {
    List<Arguments> seeds = new ArrayList<>();
    for (String name : List.of("chatml", "constructs", "llama2", "llama3-date", "qwen3", "mistral-nemo",
        "granite3.3")) {
      try (InputStream in = ChatTemplateFuzzTest.class.getResourceAsStream("/chat/" + name + ".jinja")) {
        seeds.add(Arguments.of((Object) in.readAllBytes()));
      }
    }
    return seeds.stream();
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "5m")
  void render(byte[] source) {
    try {
      ChatTemplate.of(new String(source, StandardCharsets.UTF_8), "<s>", "</s>").render(MESSAGES, true);
    } catch (ChatTemplateException expected) {
      // What a malformed or hostile template is for.
    }
  }
}
