package dev.depths.loader.chat;

import com.hubspot.jinjava.el.ext.NamedParameter;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.util.ForLoop;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import jinjava.javax.el.CompositeELResolver;
import jinjava.javax.el.ELContext;

/**
 * Finds attributes, elements and methods of values: those that Jinja2's immutable sandbox has, and nothing by Java's
 * reflection, so no template reaches beyond strings, numbers, lists and dicts.
 */
final class SandboxResolver extends CompositeELResolver {
  @Override
  public Object getValue(ELContext context, Object base, Object property) {
    String name = String.valueOf(property);
    return switch (base) {
      case Map<?, ?> map -> found(context, map.get(name));
      case List<?> list -> found(context, index(name, list.size()) < 0 ? null : list.get(index(name, list.size())));
      case String s -> found(context, character(s, name));
      case LoopState loop -> found(context, loop.attribute(name));
      case Filter _, ExpTest _ -> found(context, null);
      case null, default -> throw new ChatTemplateException(
          "the chat template asks for '" + shortly(name) + "' of " + PythonValues.typeName(base));
    };
  }

  private static Object found(ELContext context, Object value) {
    context.setPropertyResolved(true);
    return value;
  }

  private static String character(String s, String index) {
    int i = index(index, s.codePointCount(0, s.length()));
    return i < 0 ? null : Character.toString(s.codePointAt(s.offsetByCodePoints(0, i)));
  }

  /** An index as Python has it, negative from the end; -1 for what is no index or outside. */
  private static int index(String text, int size) {
    try {
      int index = Integer.parseInt(text);
      int fromStart = index < 0 ? index + size : index;
      return fromStart < size ? Math.max(fromStart, -1) : -1;
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  @Override
  public Object invoke(ELContext context, Object base, Object method, Class<?>[] types, Object[] parameters) {
    context.setPropertyResolved(true);
    Budget budget = SandboxInterpreter.current().budget();
    budget.step();
    String name = String.valueOf(method);
    return switch (base) {
      case Filter filter -> filter(filter, parameters);
      case ExpTest test -> test(test, name, parameters);
      case String s -> new StringMethods(budget).call(s, name, positional(name, parameters));
      case Map<?, ?> map -> mapMethod(map, name, positional(name, parameters), budget);
      case List<?> list -> listMethod(list, name, positional(name, parameters));
      case ForLoop loop when name.equals("cycle") && parameters.length > 0 -> loop.cycle(parameters);
      case null, default -> throw noMethod(base, name);
    };
  }

  @SuppressWarnings("unchecked")
  private static Object filter(Filter filter, Object[] parameters) {
    return filter.filter(parameters[0], (JinjavaInterpreter) parameters[1], (Object[]) parameters[2],
        (Map<String, Object>) parameters[3]);
  }

  private static boolean test(ExpTest test, String name, Object[] parameters) {
    Object[] arguments = Arrays.copyOfRange(parameters, 2, parameters.length);
    JinjavaInterpreter interpreter = (JinjavaInterpreter) parameters[1];
    return name.equals("evaluateNegated")
        ? test.evaluateNegated(parameters[0], interpreter, arguments)
        : test.evaluate(parameters[0], interpreter, arguments);
  }

  private static List<Object> positional(String method, Object[] parameters) {
    List<Object> arguments = new ArrayList<>();
    for (Object parameter : parameters) {
      arguments.add(parameter instanceof NamedParameter named ? named.getValue() : parameter);
    }
    return arguments;
  }

  private static Object mapMethod(Map<?, ?> map, String name, List<Object> arguments, Budget budget) {
    return switch (name) {
      case "get" -> {
        Object value = map.get(String.valueOf(argument(arguments, name)));
        yield value == null && arguments.size() > 1 ? arguments.get(1) : value;
      }
      case "keys" -> budget.weigh(new ArrayList<Object>(map.keySet()));
      case "values" -> budget.weigh(new ArrayList<Object>(map.values()));
      case "items" -> items(map, budget);
      default -> throw noMethod(map, name);
    };
  }

  /** Pairs of key and value. */
  static List<Object> items(Map<?, ?> map, Budget budget) {
    List<Object> items = new ArrayList<>();
    map.forEach((key, value) -> items.add(Collections.unmodifiableList(Arrays.asList(key, value))));
    return budget.weigh(items);
  }

  private static Object listMethod(List<?> list, String name, List<Object> arguments) {
    Object wanted = name.equals("index") || name.equals("count") ? argument(arguments, name) : null;
    return switch (name) {
      case "index" -> {
        for (int i = 0; i < list.size(); i++) {
          if (PythonValues.equal(list.get(i), wanted)) {
            yield (long) i;
          }
        }
        throw new ChatTemplateException("the chat template looks for what a list does not hold");
      }
      case "count" -> list.stream().filter(element -> PythonValues.equal(element, wanted)).count();
      default -> throw noMethod(list, name);
    };
  }

  static Object argument(List<Object> arguments, String method) {
    if (arguments.isEmpty()) {
      throw new ChatTemplateException("the chat template calls " + method + "() without an argument");
    }
    return arguments.getFirst();
  }

  static ChatTemplateException noMethod(Object base, String name) {
    return new ChatTemplateException(
        "the chat template calls '" + shortly(name) + "' of " + PythonValues.typeName(base) + ", which it must not");
  }

  private static String shortly(String name) {
    return name.length() > 40 ? name.substring(0, 40) + "..." : name;
  }
}
