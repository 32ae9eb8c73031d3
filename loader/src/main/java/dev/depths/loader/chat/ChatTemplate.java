package dev.depths.loader.chat;

import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A chat template: a Jinja program that renders messages to the text a model was trained on, as Hugging Face's
 * transformers renders it. Templates come with model files and are not trusted: they see the conversation and nothing
 * else, and each rendering is bounded in steps, time, depth and size. Safe for several threads.
 */
public final class ChatTemplate {
  private static final int MAX_SOURCE = 1 << 18;

  private final String source;
  private final String bos;
  private final String eos;

  private ChatTemplate(String source, String bos, String eos) {
    this.source = source;
    this.bos = bos;
    this.eos = eos;
  }

  /** The interpreter: large, and loaded when the first template is rendered. */
  private static final class Lazily {
    static final Renderer RENDERER = new Renderer();
  }

  /**
   * One turn of a conversation.
   *
   * @param role system, user or assistant
   * @param content the text
   */
  public record Message(String role, String content) {
    /**
     * @throws NullPointerException if either is null
     */
    public Message {
      Objects.requireNonNull(role, "role");
      Objects.requireNonNull(content, "content");
    }
  }

  /**
   * @param source the Jinja program; errors in it show when it is rendered
   * @param bos text of the beginning-of-text token, or empty
   * @param eos text of the end-of-text token, or empty
   * @throws ChatTemplateException if the program is longer than 262144 characters
   */
  public static ChatTemplate of(String source, String bos, String eos) {
    if (source.length() > MAX_SOURCE) {
      throw new ChatTemplateException("a chat template of " + source.length() + " characters, expected at most "
          + MAX_SOURCE);
    }
    return new ChatTemplate(source, Objects.requireNonNull(bos), Objects.requireNonNull(eos));
  }

  /**
   * Renders a conversation.
   *
   * @param addGenerationPrompt whether to end with the opening of an assistant turn
   * @throws ChatTemplateException if there are no messages, or the template fails, refuses them, or goes beyond its
   * limits of steps, time, depth or size
   */
  public String render(List<Message> messages, boolean addGenerationPrompt) {
    return render(messages, addGenerationPrompt, Clock.systemDefaultZone());
  }

  String render(List<Message> messages, boolean addGenerationPrompt, Clock clock) {
    if (messages.isEmpty()) {
      throw new ChatTemplateException("there are no messages to render");
    }
    List<Map<String, Object>> turns = new ArrayList<>();
    for (Message message : messages) {
      Map<String, Object> turn = new LinkedHashMap<>();
      turn.put("role", message.role());
      turn.put("content", message.content());
      turns.add(turn);
    }
    Map<String, Object> bindings = new HashMap<>();
    bindings.put("messages", turns);
    bindings.put("add_generation_prompt", addGenerationPrompt);
    bindings.put("bos_token", bos);
    bindings.put("eos_token", eos);
    return Lazily.RENDERER.render(WhiteSpaceControl.apply(source), bindings, new Budget(messages.size()), clock);
  }
}
