package dev.depths.loader.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.depths.loader.chat.ChatTemplate.Message;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates are untrusted programs: whatever they do ends soon, in a {@link ChatTemplateException}. */
class HostileTemplateTest {
  private static final List<Message> MESSAGES = List.of(new Message("user", "hi"));

  static List<String> exhausting() {
    return List.of(
        "{% for i in range(10**9) %}x{% endfor %}",
        "{% for a in range(5000) %}{% for b in range(5000) %}{% for c in range(5000) %}{{ a }}{% endfor"
            + " %}{% endfor %}{% endfor %}",
        "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
        "{{ 'x' * 10**12 }}",
        "{{ 'abc' * 2000000000 }}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{"
            + " ns.l | length }}",
        "{% set ns = namespace(l={}) %}{% for i in range(60) %}{% set ns.l = {'a': ns.l, 'b': ns.l} %}{%"
            + " endfor %}{{ ns.l|tojson }}",
        "{% set a = ['x' * 1000000] %}{% set ns = namespace(l=a) %}{% for i in range(16) %}{% set ns.l ="
            + " ns.l + ns.l %}{% endfor %}{{ ns.l | join }}",
        "{% set s = 'a' * 1000000 %}{{ s | replace('a', s) }}",
        "{% set s = 'a' * 1000000 %}{{ s.replace('a', s) }}",
        "{% set s = 'a' * 1000000 %}{{ s.join(s | list) }}",
        "{% set s = 'a\n' * 1000000 %}{{ s | indent(1000000) }}",
        "{% for i in range(100000) %}{% set x = 'a' * 1000000 %}{% endfor %}",
        "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{% macro f(n) %}{{ f(n + 1) }}{{ f(n + 1) }}{% endmacro %}{{ f(1) }}",
        "{% macro f(n) %}{{ g(n) }}{% endmacro %}{% macro g(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}",
        "{% set ns = namespace() %}{% set ns.me = [ns, ns] %}{{ ns | tojson }}",
        "{{ " + "(".repeat(20000) + "1" + ")".repeat(20000) + " }}",
        "{{ " + "[".repeat(20000) + "]".repeat(20000) + " }}",
        "{{ " + "not ".repeat(50000) + "}}",
        "{{ " + "-".repeat(50000) + "1 }}",
        "{{ " + "1 if 1 else ".repeat(15000) + "1 }}",
        "{{ 1" + " ~ 1".repeat(50000) + " | nothing }}",
        "{{ 'a'" + ".strip()".repeat(20000) + ".x() }}",
        "{% if 1 %}".repeat(5000) + "{{ 'x' * 30000000 }}" + "{% endif %}".repeat(5000),
        "{% if 1 %}".repeat(180) + "{% for i in range(9) %}{{ 'x' * 30000000 }}{% endfor %}"
            + "{% endif %}".repeat(180),
        "{% set a = range(99999) | list %}{% set b = range(99999) | list %}"
            + "{% for i in range(49000) %}{{ a == b }}{% endfor %}",
        "{% set a = range(99999) | list %}{% for i in range(49000) %}{{ 7.5 in a }}{% endfor %}",
        "{% if 1 %}".repeat(20000),
        "{% if 1 %}".repeat(10000) + "{{ 1 / 0 }}" + "{% endif %}".repeat(10000),
        "{% for a in [1] %}".repeat(5000) + "{{ 1 / 0 }}" + "{% endfor %}".repeat(5000),
        "{% macro " + "a".repeat(100000) + " %}",
        "{% macro " + "a(".repeat(50000) + " %}{% endmacro %}",
        "{% for " + "a".repeat(100000) + " %}{% endfor %}",
        "{% set " + "a.".repeat(50000) + " %}",
        "{{ '" + "\\".repeat(100000) + " }}",
        "{{ " + "a.".repeat(50000) + " }}",
        "{{ x" + "[0]".repeat(50000) + " }}",
        "{{ 9223372036854775807 + 1 }}",
        "{{ 2 ** 4000 }}",
        "{{ 1 // 0 }}",
        "{{ 1 % 0 }}",
        "{{ 99999999999999999999999 }}",
        "{{ messages[99999999999999999999].x }}",
        "{{ 'abc'[::0] }}",
        "{{ range(0, 10, 0) }}",
        "{{ range(-9223372036854775807, 9223372036854775807, 9223372036854775807) | list | length / 0 }}");
  }

  @ParameterizedTest
  @MethodSource("exhausting")
  void endsSoon(String source) {
    ChatTemplate template = ChatTemplate.of(source, "", "");
    assertTimeoutPreemptively(Duration.ofSeconds(20),
        () -> assertThrows(ChatTemplateException.class, () -> template.render(MESSAGES, true)));
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "{{ messages.getClass() }}", "{{ ''.class.forName('java.lang.Runtime') }}", "{{ messages[0].__class__.x }}",
      "{{ ''.getBytes() }}", "{{ messages.add(1) }}", "{{ messages.append(1) }}", "{{ messages[0].update({'a': 1}) }}",
      "{{ messages[0].clear() }}", "{{ messages[0].pop('role') }}", "{{ messages.stream() }}",
      "{{ ____int3rpr3t3r____ }}", "{{ ____int3rpr3t3r____.getContext() }}", "{{ ____int3rpr3t3r____.config }}",
      "{{ loop.x }}", "{% for a in [1] %}{{ loop.iterator }}{% endfor %}", "{{ namespace.x }}", "{{ range.x }}",
      "{{ dict.getClass() }}", "{% include '/etc/passwd' %}", "{% import '/etc/passwd' as p %}",
      "{% from '/etc/passwd' import p %}", "{% extends '/etc/passwd' %}", "{% block b %}{% endblock %}",
      "{% unless 1 %}{% endunless %}", "{% cycle 1, 2 %}", "{{ 'x' | fromyaml }}", "{{ '{}' | fromjson }}",
      "{{ 'x' | md5 }}", "{{ '{{ 1 }}' | render }}", "{{ 'a' | regex_replace('(a+)+b', '') }}", "{{ 'x' | log }}",
      "{{ today() }}", "{{ type(1) }}", "{{ stringToTime('a', 'b') }}", "{{ fn:list(1) }}", "{{ 1 is within [1] }}",
      "{{ nothing() }}", "{{ messages[5].content }}", "{{ nothing.content }}", "{{ nothing[0] }}",
      "{{ 'a' + nothing }}", "{{ 'a' + 1 }}", "{{ 1 + none }}", "{{ 'a' | nothing }}", "{{ 'a' is nothing }}",
      "{% nothing %}", "{% for x in 5 %}{% endfor %}", "{% for a, b in [[1]] %}{% endfor %}",
      "{% for x in [1] recursive %}{% endfor %}", "{{ raise_exception() }}", "{{ raise_exception('no') }}",
      "{{ strftime_now('%Q') }}", "{{ strftime_now() }}", "{{ range() }}", "{{ range('a') }}", "{{ 'a'.split('') }}",
      "{{ ', '.join(5) }}", "{{ dict(1) }}", "{% if %}{% endif %}", "{% for %}{% endfor %}", "{% set %}",
      "{% macro %}{% endmacro %}", "{{ }", "{{ 'a }}", "{% if 1 %}", "{% endif %}", "{{ 1 2 }}", "{{ a b }}",
      "{{ [1, }}", "{{ {1} }}", "{{ 1 + }}", "{{ 'a' | }}", "{{ (1 }}", "{{ 1) }}", "{% break %}", "{# never closed",
      "{% raw %}", "{% set x = %}", "{{ x = 1 }}", "{% if 1 %}{% endfor %}"})
  void refuses(String source) {
    ChatTemplate template = ChatTemplate.of(source, "", "");
    ChatTemplateException e = assertTimeoutPreemptively(Duration.ofSeconds(10),
        () -> assertThrows(ChatTemplateException.class, () -> template.render(MESSAGES, true)));
    assertFalse(e.getMessage().isBlank());
    assertEquals(1, e.getMessage().lines().count());
  }
}
