package dev.depths.loader.chat;

import java.util.List;

/** A chat template: a Jinja program that renders messages to the text a model was trained on. Safe for several threads. */
public final class ChatTemplate {
  private ChatTemplate() {}

  /**
   * One turn of a conversation.
   *
   * @param role system, user or assistant
   * @param content the text
   */
  public record Message(String role, String content) {}

  /**
   * @param source the Jinja program
   * @param bos text of the beginning-of-text token, or empty
   * @param eos text of the end-of-text token, or empty
   */
  public static ChatTemplate of(String source, String bos, String eos) {
    throw new UnsupportedOperationException("being written");
  }

  /**
   * Renders a conversation.
   *
   * @param addGenerationPrompt whether to end with the opening of an assistant turn
   * @throws ChatTemplateException if the template fails or goes beyond its limits of steps, depth or output
   */
  public String render(List<Message> messages, boolean addGenerationPrompt) {
    throw new UnsupportedOperationException("being written");
  }
}
