package dev.depths.tools;

import dev.depths.loader.chat.ChatTemplate;
import dev.depths.loader.chat.ChatTemplate.Message;
import dev.depths.runtime.ContextFullException;
import dev.depths.runtime.GenerateOptions;
import dev.depths.runtime.Generation;
import dev.depths.runtime.Model;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** Talks with the model, turn by turn. */
final class ChatCommand extends Command {
  /** About what a short message makes with a template around it. */
  private static final int FIRST_TURN_TOKENS = 40;

  private final ModelArgs model = new ModelArgs(this);

  private final Arg<String> system = Arg.option(String.class, "--system").label("TEXT")
      .addTo(this, "System message that opens the conversation.");

  private final Arg<Integer> predict = Arg.option(int.class, "-n", "--predict").label("N").orElse(-1)
      .addTo(this, "Most tokens per reply; -1 for as many as the context holds. Default: ${DEFAULT-VALUE}.");

  private final GenerationArgs generation = new GenerationArgs(this);

  private final ThreadArgs threads = new ThreadArgs(this);

  ChatCommand(Streams streams) {
    super(streams, "chat", "Talks with the model. Each line is a turn; the model's replies alone go to standard output.",
        "",
        "/reset starts a new conversation, /exit or Ctrl-D ends, Ctrl-C stops a reply.",
        "Examples:",
        "  depths chat",
        "  depths chat -m model.gguf --system \"Answer in one sentence.\"",
        "  echo \"What is a lighthouse?\" | depths chat --temp 0");
  }

  @Override
  public Integer call() throws IOException {
    model.check();
    GenerateOptions options = generation.options(predict.value());
    SessionOptions sessionOptions = generation.sessionOptions();
    int threadCount = threads.count();
    Model.warmUp(FIRST_TURN_TOKENS);
    try (Model opened = model.open(streams, threadCount)) {
      Optional<DialChoice> dial = generation.dial(opened);
      SessionOptions dialled = dial.map(choice -> sessionOptions.withRouting(choice.routing())).orElse(sessionOptions);
      try (Session session = ModelArgs.session(opened, dialled)) {
        return converse(opened, session, dial, options);
      }
    }
  }

  private int converse(Model opened, Session session, Optional<DialChoice> dial, GenerateOptions options)
      throws IOException {
    ChatTemplate template = opened.chatTemplate().orElseThrow(
        () -> new CommandException("the model has no chat template; 'depths generate' continues plain text"));
    List<Message> opening = system.value() == null ? List.of() : List.of(new Message("system", system.value()));
    Timings timings = new Timings(opened.loadNanos());
    Conversation conversation = new Conversation(session, opened.tokenizer(), template, opening, timings);
    int code;
    try (LineSource lines = LineSource.of(streams)) {
      code = converse(lines, conversation, session, options, timings);
    }
    timings.add(session.counters());
    streams.err().print("\n" + timings.summary());
    dial.ifPresent(choice -> streams.err().print(choice.summary(session)));
    streams.err().println("seed       " + options.sampling().seed());
    ClassArchive.markWhole();
    return code;
  }

  private int converse(
      LineSource lines, Conversation conversation, Session session, GenerateOptions options, Timings timings)
      throws IOException {
    for (String line = lines.next(); line != null; line = lines.next()) {
      switch (line.strip()) {
        case "" -> {}
        case "/exit" -> {
          return 0;
        }
        case "/reset" -> {
          conversation.reset();
          streams.err().println("new conversation");
        }
        case String command when command.startsWith("/") && streams.inTerminal() ->
            streams.err().println(command + ": there are /reset and /exit");
        default -> {
          if (!turn(line, conversation, session, options, timings) && !streams.inTerminal()) {
            return Interruption.EXIT_STATUS;
          }
        }
      }
    }
    return 0;
  }

  /** One turn; false if Ctrl-C stopped it. */
  private boolean turn(
      String line, Conversation conversation, Session session, GenerateOptions options, Timings timings) {
    GeneratedOutput output = new GeneratedOutput(streams, session);
    try (Interruption interruption = new Interruption(session::cancel)) {
      Generation reply = conversation.say(line, options, output);
      output.finish(reply);
      timings.add(reply);
      if (reply.finish() == Generation.Finish.CONTEXT_FULL) {
        streams.err().println("stopped: the context of " + session.contextLength() + " tokens is full; /reset starts over");
      }
      return !interruption.requested();
    } catch (ContextFullException e) {
      if (!streams.inTerminal()) {
        throw e;
      }
      streams.err().println(e.getMessage() + "; /reset starts over");
      return true;
    }
  }
}
