package dev.depths.loader.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.AdvancedFilter;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.objects.SafeString;
import com.hubspot.jinjava.objects.collections.PyList;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Filters with Python's semantics and a price, in place of Jinjava's. */
final class Filters {
  /** Those of Jinjava's own that are as they should be, and cheap. */
  static final Set<String> OF_JINJAVA =
      Set.of("abs", "float", "int", "map", "reject", "rejectattr", "select", "selectattr", "sum", "unique", "safe");
  private static final int MAX_INDENT = 64;

  private Filters() {}

  /** Positional arguments, then named ones by name. */
  private record Arguments(Object[] positional, Map<String, Object> named) {
    Object get(int index, String name) {
      return index < positional.length ? positional[index] : named.get(name);
    }

    boolean flag(int index, String name) {
      return PythonValues.truth(get(index, name));
    }

    String string(int index, String name, String otherwise) {
      Object value = get(index, name);
      return value == null ? otherwise : value.toString();
    }
  }

  @FunctionalInterface
  private interface Implementation {
    Object apply(Object value, Arguments arguments, Budget budget);
  }

  private record Named(String name, Implementation implementation) implements AdvancedFilter {
    @Override
    public String getName() {
      return name;
    }

    @Override
    public Object filter(
        Object value, JinjavaInterpreter interpreter, Object[] arguments, Map<String, Object> named) {
      Budget budget = ((SandboxInterpreter) interpreter).budget();
      budget.step();
      return implementation.apply(value instanceof SafeString s ? s.getValue() : value,
          new Arguments(arguments, named), budget);
    }
  }

  static List<Filter> all() {
    Implementation length = (value, _, _) -> length(value);
    Implementation otherwise = (value, arguments, _) ->
        value == null || (arguments.flag(1, "boolean") && !PythonValues.truth(value))
            ? arguments.positional().length == 0 && arguments.named().isEmpty() ? "" : arguments.get(0, "default_value")
            : value;
    return List.of(
        new Named("trim", (value, arguments, budget) ->
            new StringMethods(budget).strip(text(value, budget), arguments.string(0, "chars", null), true, true)),
        new Named("upper", (value, _, budget) -> text(value, budget).toUpperCase(Locale.ROOT)),
        new Named("lower", (value, _, budget) -> text(value, budget).toLowerCase(Locale.ROOT)),
        new Named("title", (value, _, budget) -> new StringMethods(budget).title(text(value, budget))),
        new Named("capitalize", (value, _, budget) -> new StringMethods(budget).capitalize(text(value, budget))),
        new Named("string", (value, _, budget) -> text(value, budget)),
        new Named("length", length),
        new Named("count", length),
        new Named("default", otherwise),
        new Named("d", otherwise),
        new Named("first", (value, _, budget) -> end(value, true, budget)),
        new Named("last", (value, _, budget) -> end(value, false, budget)),
        new Named("list", (value, _, budget) -> list(value, budget)),
        new Named("reverse", (value, _, budget) -> PythonValues.slice(value, null, null, -1L, budget)),
        new Named("items", (value, _, budget) -> value instanceof Map<?, ?> map
            ? SandboxResolver.items(map, budget) : new PyList(new ArrayList<>())),
        new Named("dictsort", (value, _, budget) -> dictSort(value, budget)),
        new Named("join", (value, arguments, budget) -> join(value, arguments, budget)),
        new Named("replace", (value, arguments, budget) -> new StringMethods(budget).replace(text(value, budget),
            arguments.string(0, "old", ""), arguments.string(1, "new", ""),
            arguments.get(2, "count") == null ? -1 : PythonValues.whole(arguments.get(2, "count"), "a count"))),
        new Named("indent", (value, arguments, budget) -> indent(text(value, budget), arguments, budget)),
        new Named("tojson", (value, arguments, budget) -> {
          budget.weigh(value);
          return budget.spend(new JsonWriter(arguments.flag(0, "ensure_ascii"), indentation(arguments.get(1, "indent")),
              arguments.get(2, "separators") instanceof List<?> list ? list : null,
              arguments.flag(3, "sort_keys")).write(value));
        }));
  }

  private static String text(Object value, Budget budget) {
    return PythonText.str(value, budget);
  }

  private static long length(Object value) {
    return switch (value) {
      case null -> 0;
      case String s -> s.codePointCount(0, s.length());
      case List<?> list -> list.size();
      case Map<?, ?> map -> map.size();
      default -> throw new ChatTemplateException("the chat template asks for the length of "
          + PythonValues.typeName(value));
    };
  }

  private static PyList list(Object value, Budget budget) {
    List<Object> elements = switch (value) {
      case null -> new ArrayList<>();
      case List<?> list -> new ArrayList<>(list);
      case Map<?, ?> map -> new ArrayList<>(map.keySet());
      case String s -> {
        budget.spend(s.length());
        yield new ArrayList<>(s.codePoints().mapToObj(Character::toString).toList());
      }
      default -> throw new ChatTemplateException("the chat template makes a list of " + PythonValues.typeName(value));
    };
    return budget.weigh(new PyList(elements));
  }

  private static Object end(Object value, boolean first, Budget budget) {
    List<Object> elements = list(value, budget);
    return elements.isEmpty() ? null : first ? elements.getFirst() : elements.getLast();
  }

  /** By key, without regard to case. */
  private static List<Object> dictSort(Object value, Budget budget) {
    if (!(value instanceof Map<?, ?> map)) {
      throw new ChatTemplateException("the chat template sorts " + PythonValues.typeName(value) + " as a dict");
    }
    Map<String, Object> sorted = new TreeMap<>(String.CASE_INSENSITIVE_ORDER.thenComparing(Comparator.naturalOrder()));
    map.forEach((key, element) -> sorted.put(String.valueOf(key), element));
    return SandboxResolver.items(sorted, budget);
  }

  private static String join(Object value, Arguments arguments, Budget budget) {
    List<Object> parts = list(value, budget);
    String attribute = arguments.string(1, "attribute", null);
    if (attribute != null) {
      parts.replaceAll(part -> part instanceof Map<?, ?> map ? map.get(attribute) : null);
    }
    return new StringMethods(budget).join(arguments.string(0, "d", ""), parts);
  }

  private static String indent(String text, Arguments arguments, Budget budget) {
    Object width = arguments.get(0, "width");
    String indentation = width == null ? "    " : indentation(width);
    String[] lines = text.split("\n", -1);
    budget.spend(text.length() + (long) lines.length * indentation.length());
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < lines.length; i++) {
      out.append(i == 0 ? "" : "\n");
      boolean indented = i == 0 ? arguments.flag(1, "first") : !lines[i].isEmpty() || arguments.flag(2, "blank");
      out.append(indented ? indentation : "").append(lines[i]);
    }
    return out.toString();
  }

  private static String indentation(Object value) {
    return switch (value) {
      case null -> null;
      case String s when s.length() <= MAX_INDENT -> s;
      default -> " ".repeat(Math.clamp(PythonValues.whole(value, "a width"), 0, MAX_INDENT));
    };
  }
}
