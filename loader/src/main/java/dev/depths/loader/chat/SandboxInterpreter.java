package dev.depths.loader.chat;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.InterpreterFactory;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.TemplateError;
import java.time.Clock;

/** Jinjava's interpreter with a budget; it stops at the first error, where Jinjava would collect them and go on. */
final class SandboxInterpreter extends JinjavaInterpreter {
  private final Budget budget;
  private final Clock clock;

  SandboxInterpreter(Jinjava jinjava, Context context, JinjavaConfig config, Budget budget, Clock clock) {
    super(jinjava, context, config);
    this.budget = budget;
    this.clock = clock;
  }

  private SandboxInterpreter(SandboxInterpreter original) {
    super(original);
    budget = original.budget;
    clock = original.clock;
  }

  /** The interpreter that renders on this thread. */
  static SandboxInterpreter current() {
    return (SandboxInterpreter) JinjavaInterpreter.getCurrent();
  }

  /** Copies interpreters; the first is made by {@link Renderer}, which knows its budget. */
  static final class Factory implements InterpreterFactory {
    @Override
    public JinjavaInterpreter newInstance(JinjavaInterpreter original) {
      return new SandboxInterpreter((SandboxInterpreter) original);
    }

    @Override
    public JinjavaInterpreter newInstance(Jinjava jinjava, Context context, JinjavaConfig config) {
      throw new IllegalStateException("an interpreter without budget");
    }
  }

  Budget budget() {
    return budget;
  }

  Clock clock() {
    return clock;
  }

  @Override
  public String getAsString(Object value) {
    return PythonText.str(value, budget);
  }

  @Override
  public void addError(TemplateError error) {
    if (error != null) {
      ChatTemplateException ours = cause(error.getException());
      throw ours != null ? ours : new ChatTemplateException(
          "the chat template fails: " + oneLine(error.getMessage()), error.getException());
    }
  }

  /** The exception of ours that Jinjava has wrapped, or null. */
  static ChatTemplateException cause(Throwable wrapped) {
    int depth = 0;
    for (Throwable t = wrapped; t != null && depth < 50; t = t.getCause(), depth++) {
      if (t instanceof ChatTemplateException ours) {
        return ours;
      }
    }
    return null;
  }

  static String oneLine(String message) {
    return message == null ? "unknown error" : message.lines().findFirst().orElse("unknown error");
  }
}
