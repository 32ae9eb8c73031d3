package dev.depths.loader.chat;

import com.hubspot.jinjava.el.ext.NamedParameter;
import com.hubspot.jinjava.objects.Namespace;
import com.hubspot.jinjava.objects.collections.PyList;
import com.hubspot.jinjava.objects.collections.PyMap;
import com.hubspot.jinjava.objects.date.StrftimeFormatter;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** The functions that templates may call: Jinja2's own few, and those that transformers adds. */
final class Functions {
  static final Set<String> NAMES = Set.of("raise_exception", "strftime_now", "range", "namespace", "dict");
  /** What the names of functions stand for, so that templates may ask whether they are defined. */
  static final Object VALUE = new Object();

  private static final int MAX_RANGE = 100_000;
  private static final int MAX_ATTRIBUTES = 1000;

  private Functions() {}

  static Object call(String name, Object[] arguments) {
    SandboxInterpreter interpreter = SandboxInterpreter.current();
    return switch (name) {
      case "raise_exception" ->
          throw new ChatTemplateException(SandboxInterpreter.oneLine(first(name, arguments).toString()));
      case "strftime_now" -> StrftimeFormatter.format(
          ZonedDateTime.now(interpreter.clock()), first(name, arguments).toString(), Locale.ENGLISH);
      case "range" -> range(arguments, interpreter.budget());
      case "namespace" -> new Namespace(named(arguments), MAX_ATTRIBUTES);
      default -> interpreter.budget().weigh(new PyMap(named(arguments)));
    };
  }

  private static PyList range(Object[] arguments, Budget budget) {
    if (arguments.length > 3) {
      throw new ChatTemplateException("the chat template calls range() with " + arguments.length + " arguments");
    }
    long first = PythonValues.whole(first("range", arguments), "a range's end");
    long start = arguments.length > 1 ? first : 0;
    long stop = arguments.length > 1 ? PythonValues.whole(arguments[1], "a range's end") : first;
    long step = arguments.length > 2 ? PythonValues.whole(arguments[2], "a range's step") : 1;
    List<Object> numbers = new ArrayList<>();
    if (step == 0) {
      throw new ChatTemplateException("the chat template calls range() with a step of zero");
    }
    for (long i = start; step > 0 ? i < stop : i > stop; i = Math.addExact(i, step)) {
      numbers.add(i);
      if (numbers.size() > MAX_RANGE) {
        throw new ChatTemplateException("the chat template makes a range of more than " + MAX_RANGE);
      }
    }
    return budget.weigh(new PyList(numbers));
  }

  private static Map<String, Object> named(Object[] arguments) {
    Map<String, Object> values = new LinkedHashMap<>();
    for (Object argument : arguments) {
      switch (argument) {
        case NamedParameter parameter -> values.put(parameter.getName(), parameter.getValue());
        case Map<?, ?> map -> map.forEach((key, value) -> values.put(String.valueOf(key), value));
        case null, default -> throw new ChatTemplateException("the chat template makes a dict of "
            + PythonValues.typeName(argument));
      }
    }
    return values;
  }

  private static Object first(String name, Object[] arguments) {
    if (arguments.length == 0 || arguments[0] == null) {
      throw new ChatTemplateException("the chat template calls " + name + "() without an argument");
    }
    return arguments[0] instanceof NamedParameter parameter ? parameter.getValue() : arguments[0];
  }
}
