package dev.depths.loader.chat;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.el.JinjavaProcessors;
import com.hubspot.jinjava.el.TruthyTypeConverter;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.Context.Library;
import com.hubspot.jinjava.lib.Importable;
import java.time.Clock;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import jinjava.de.odysseus.el.ExpressionFactoryImpl;
import jinjava.de.odysseus.el.tree.TreeStore;
import jinjava.de.odysseus.el.tree.impl.Cache;
import jinjava.javax.el.ExpressionFactory;

/**
 * Jinjava, brought to what transformers makes of Jinja2, reduced to what chat templates need, and bounded by a
 * {@link Budget}. Safe for several threads.
 */
final class Renderer {
  private static final Set<String> TAGS =
      Set.of("if", "elif", "else", "for", "set", "macro", "raw", "break", "continue", "do", "generation");
  private static final Set<String> TESTS = Set.of(
      "boolean", "defined", "divisibleby", "eq", "equalto", "==", "even", "false", "float", "in", "integer",
      "iterable", "lower", "mapping", "ne", "!=", "none", "number", "odd", "sequence", "string", "true",
      "undefined", "upper", "gt", "ge", "lt", "le", "truthy");
  private static final int MAX_ELEMENTS = Budget.MAX_WEIGHT;
  private static final int EXPRESSIONS_KEPT = 500;

  private final Jinjava jinjava;
  private final JinjavaConfig config;
  private final Map<Library, Set<String>> disabled;
  private final ExpressionFactory expressions = new ExpressionFactoryImpl(
      new TreeStore(new PythonParser.Factory(), new Cache(EXPRESSIONS_KEPT)), new TruthyTypeConverter());

  Renderer() {
    config = JinjavaConfig.newBuilder()
        .withKeepTrailingNewline(true)
        .withNestedInterpretationEnabled(false)
        .withEnableRecursiveMacroCalls(true)
        .withMaxMacroRecursionDepth(50)
        .withMaxRenderDepth(50)
        .withMaxOutputSize(Budget.MAX_SIZE)
        .withMaxStringLength(Budget.MAX_SIZE)
        .withMaxListSize(MAX_ELEMENTS)
        .withMaxMapSize(MAX_ELEMENTS)
        .withElResolver(new SandboxResolver())
        .withInterperterFactory(new SandboxInterpreter.Factory())
        .withLegacyOverrides(LegacyOverrides.newBuilder()
            .withEvaluateMapKeys(true)
            .withIterateOverMapKeys(true)
            .withUseNaturalOperatorPrecedence(true)
            .withParseWhitespaceControlStrictly(true)
            .withAllowAdjacentTextNodes(true)
            .withUseTrimmingForNotesAndExpressions(true)
            .withHandleBackslashInQuotesOnly(true)
            .build())
        .withProcessors(JinjavaProcessors.newBuilder()
            .withNodePreProcessor((_, interpreter) -> ((SandboxInterpreter) interpreter).budget().enter())
            .withNodePostProcessor((_, interpreter) -> ((SandboxInterpreter) interpreter).budget().leave()).build())
        .build();
    jinjava = new Jinjava(config) {
      @Override
      public ExpressionFactory getExpressionFactory() {
        // Asked for by the constructor of the superclass too, before there is one.
        return expressions == null ? super.getExpressionFactory() : expressions;
      }
    };
    Filters.all().forEach(jinjava::registerFilter);
    jinjava.registerTag(new ForStatement());
    jinjava.registerTag(new Statements.If());
    jinjava.registerTag(new Statements.Macro());
    jinjava.registerTag(new Statements.Generation());
    disabled = disabled();
  }

  String render(String source, Map<String, ?> bindings, Budget budget, Clock clock) {
    Map<String, Object> all = new HashMap<>(bindings);
    Functions.NAMES.forEach(name -> all.put(name, Functions.VALUE));
    Context context = new Context(jinjava.getGlobalContextCopy(), all, disabled);
    SandboxInterpreter interpreter = new SandboxInterpreter(jinjava, context, config, budget, clock);
    try {
      return interpreter.render(source);
    } catch (StackOverflowError e) {
      // Rendering shares nothing with anyone: what is left half done is garbage.
      throw new ChatTemplateException("the chat template nests too deeply");
    } catch (RuntimeException e) {
      ChatTemplateException ours = SandboxInterpreter.cause(e);
      throw ours != null ? ours
          : new ChatTemplateException("the chat template fails: " + SandboxInterpreter.oneLine(e.getMessage()), e);
    }
  }

  /** All that Jinjava knows beyond what chat templates need. */
  private Map<Library, Set<String>> disabled() {
    Context all = jinjava.getGlobalContext();
    Set<String> ours = Filters.all().stream().map(Importable::getName).collect(Collectors.toSet());
    return Map.of(
        Library.TAG, others(all.getAllTags(), TAGS),
        Library.EXP_TEST, others(all.getAllExpTests(), TESTS),
        Library.FUNCTION, others(all.getAllFunctions(), Set.of()),
        Library.FILTER, others(all.getAllFilters(), Filters.OF_JINJAVA).stream()
            .filter(name -> !ours.contains(name)).collect(Collectors.toSet()));
  }

  private static Set<String> others(Collection<? extends Importable> all, Set<String> allowed) {
    return all.stream().map(Importable::getName)
        .filter(name -> !allowed.contains(name) && !(name.startsWith("end") && allowed.contains(name.substring(3))))
        .collect(Collectors.toSet());
  }
}
