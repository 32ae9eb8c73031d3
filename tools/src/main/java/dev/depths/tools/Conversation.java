package dev.depths.tools;

import dev.depths.loader.chat.ChatTemplate;
import dev.depths.loader.chat.ChatTemplate.Message;
import dev.depths.loader.tokenizer.Tokenizer;
import dev.depths.runtime.ContextFullException;
import dev.depths.runtime.GenerateOptions;
import dev.depths.runtime.Generation;
import dev.depths.runtime.Session;
import dev.depths.runtime.TokenListener;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A conversation on a session. Each turn computes only what is new: the rendered conversation normally begins with what
 * the session holds. Where a template rewrites earlier turns, the whole is computed again.
 */
final class Conversation {
  private final Session session;
  private final Tokenizer tokenizer;
  private final ChatTemplate template;
  private final List<Message> opening;
  private final Timings timings;
  private final List<Message> messages = new ArrayList<>();

  /** What the session holds, {@link #pending} included, as the template may render it; empty if that cannot be said. */
  private List<String> held = List.of();

  /** The last tokens of {@link #held}, not yet computed: a session never computes the last token it draws. */
  private int[] pending = {};

  /**
   * @param opening messages before the first turn: a system message, or none
   * @param timings gets the session's counters before each reset of it
   */
  Conversation(
      Session session, Tokenizer tokenizer, ChatTemplate template, List<Message> opening, Timings timings) {
    this.session = session;
    this.tokenizer = tokenizer;
    this.template = template;
    this.opening = List.copyOf(opening);
    this.timings = timings;
    messages.addAll(opening);
  }

  /** Forgets all turns. */
  void reset() {
    messages.clear();
    messages.addAll(opening);
    forget();
  }

  /**
   * Says something and lets the model reply.
   *
   * @throws ContextFullException if what was said does not fit; the conversation is then as before
   */
  Generation say(String text, GenerateOptions options, TokenListener listener) {
    messages.add(new Message("user", text));
    try {
      String rendered = template.render(messages, true);
      int[] tokens = newTokens(rendered);
      if (tokens.length == 0) {
        throw new CommandException("the chat template renders no text");
      }
      int before = session.position();
      Generation reply = session.generate(tokens, options, listener);
      messages.add(new Message("assistant", reply.text()));
      remember(rendered, tokens, reply, session.position() - before);
      return reply;
    } catch (RuntimeException e) {
      messages.removeLast();
      if (!(e instanceof ContextFullException)) {
        forget();
      }
      throw e;
    }
  }

  /** The tokens to compute so that the session holds {@code rendered}. */
  private int[] newTokens(String rendered) {
    for (String prefix : held) {
      if (rendered.startsWith(prefix)) {
        return concatenate(pending, tokenizer.encode(rendered.substring(prefix.length()), false, true));
      }
    }
    forget();
    return tokenizer.encode(rendered, !startsWithBos(rendered), true);
  }

  private void remember(String rendered, int[] prompt, Generation reply, int computed) {
    if (reply.finish() == Generation.Finish.STOP) {
      forget();
      return;
    }
    int[] drawn = reply.tokens().stream().mapToInt(Integer::intValue).toArray();
    boolean ended = reply.finish() == Generation.Finish.END;
    int[] all = concatenate(prompt, ended ? Arrays.copyOf(drawn, drawn.length - 1) : drawn);
    pending = Arrays.copyOfRange(all, Math.min(computed, all.length), all.length);
    held = List.of(rendered + reply.text(), rendered + reply.text().strip());
  }

  private void forget() {
    timings.add(session.counters());
    session.reset();
    held = List.of();
    pending = new int[0];
  }

  private static int[] concatenate(int[] first, int[] second) {
    return IntStream.concat(IntStream.of(first), IntStream.of(second)).toArray();
  }

  /** Many templates write the beginning-of-text token themselves; the tokenizer must not add another. */
  private boolean startsWithBos(String rendered) {
    return tokenizer.bos() >= 0 && rendered.startsWith(tokenizer.piece(tokenizer.bos()));
  }
}
