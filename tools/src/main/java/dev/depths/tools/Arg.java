package dev.depths.tools;

import java.util.List;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** An option or parameter of a command; picocli parses its value. */
final class Arg<T> {
  private final ArgSpec spec;

  private Arg(ArgSpec spec) {
    this.spec = spec;
  }

  /** What the command line gave, or else the default, or null; once it was parsed. */
  T value() {
    return spec.getValue();
  }

  /** An option with a value, given once at most. */
  static <T> Builder<T> option(Class<T> type, String... names) {
    return new Builder<>(OptionSpec.builder(names).type(type));
  }

  /** An option whose values are separated by commas. */
  static <E> Builder<List<E>> commaSeparated(Class<E> type, String... names) {
    return new Builder<>(OptionSpec.builder(names).type(List.class).auxiliaryTypes(type).splitRegex(","));
  }

  /** An option that may be repeated. */
  static <E> Builder<List<E>> repeatable(Class<E> type, String... names) {
    return new Builder<>(OptionSpec.builder(names).type(List.class).auxiliaryTypes(type));
  }

  /** An option without a value: false without it. */
  static Builder<Boolean> flag(String... names) {
    return new Builder<Boolean>(OptionSpec.builder(names).type(boolean.class)).orElse(false);
  }

  /** The one argument beside the options, which may be missing. */
  static <T> Arg<T> parameter(Command command, Class<T> type, String label, String description) {
    return parameter(command, "0", "0..1", type, label, description);
  }

  /** One of several arguments beside the options, none of which may be missing. */
  static <T> Arg<T> parameter(Command command, int index, Class<T> type, String label, String description) {
    return parameter(command, Integer.toString(index), "1", type, label, description);
  }

  private static <T> Arg<T> parameter(
      Command command, String index, String arity, Class<T> type, String label, String description) {
    PositionalParamSpec spec = PositionalParamSpec.builder().index(index).arity(arity).required(arity.equals("1")).type(type)
        .paramLabel(label).description(description).build();
    command.spec.add(spec);
    return new Arg<>(spec);
  }

  /** What there is to say of an option. */
  static final class Builder<T> {
    private final OptionSpec.Builder builder;

    private Builder(OptionSpec.Builder builder) {
      this.builder = builder;
    }

    /** What the value is called in help and messages. */
    Builder<T> label(String label) {
      builder.paramLabel(label);
      return this;
    }

    /** The default, as it would be written on the command line. */
    Builder<T> orElse(Object value) {
      builder.defaultValue(value.toString());
      return this;
    }

    Builder<T> required() {
      builder.required(true);
      return this;
    }

    /** Adds the option to a command, whose help shows the options in the order in which they were added. */
    Arg<T> addTo(Command command, String description) {
      OptionSpec spec = builder.description(description).build();
      command.spec.add(spec);
      return new Arg<>(spec);
    }
  }
}
