package dev.depths.loader;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Rules that make Hugging Face's tensor names of those of a training code. The first whose pattern is the whole name counts;
 * a name without a rule is kept.
 */
final class TensorNames {
  private final List<Rule> rules = new ArrayList<>();

  private record Rule(Pattern pattern, Optional<String> replacement) {}

  /** @param replacement in which {@code $1} is the first group */
  TensorNames to(String regex, String replacement) {
    rules.add(new Rule(whole(regex), Optional.of(replacement)));
    return this;
  }

  /** For tensors that nothing needs. */
  TensorNames drop(String regex) {
    rules.add(new Rule(whole(regex), Optional.empty()));
    return this;
  }

  private static Pattern whole(String regex) {
    return Pattern.compile("\\A(?:" + regex + ")\\z");
  }

  /** Hugging Face's name, or empty for a tensor that nothing needs. */
  Optional<String> huggingFace(String name) {
    for (Rule rule : rules) {
      Matcher matcher = rule.pattern.matcher(name);
      if (matcher.matches()) {
        return rule.replacement.map(matcher::replaceFirst);
      }
    }
    return Optional.of(name);
  }
}
