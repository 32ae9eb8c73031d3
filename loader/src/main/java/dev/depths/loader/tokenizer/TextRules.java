package dev.depths.loader.tokenizer;

import dev.depths.loader.UnsupportedModelException;
import dev.depths.loader.tokenizer.CharacterPairModel.Prefix;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What a tokenizer.json's normalizer, pre-tokenizer and decoder do to text, recognised part by part; a part that is not
 * known is refused by name.
 */
final class TextRules {
  private static final String SPACE = String.valueOf(SentencePieceModel.SPACE);

  private final Object file;
  private final List<Splitter> splitters = new ArrayList<>();
  private final List<String> names = new ArrayList<>();
  private boolean byteLevel;
  private boolean composes;
  private boolean marksSpaces;
  private boolean splitsAtSpaces;
  private boolean dropsFirstSpace;
  private Prefix prefix = Prefix.NEVER;

  private TextRules(Object file) {
    this.file = file;
  }

  static TextRules read(Object file, Settings settings) {
    TextRules rules = new TextRules(file);
    parts(settings.object("normalizer"), "normalizers").forEach(rules::normalizer);
    parts(settings.object("pre_tokenizer"), "pretokenizers").forEach(rules::preTokenizer);
    parts(settings.object("decoder"), "decoders").forEach(rules::decoder);
    if (rules.byteLevel == rules.marksSpaces) {
      throw rules.unsupported("the tokenizer is neither byte-level nor of SentencePiece's kind");
    }
    return rules;
  }

  private static List<Settings> parts(Settings part, String members) {
    if (!part.type().equals("Sequence")) {
      return part.values().isEmpty() ? List.of() : List.of(part);
    }
    return part.objects(members);
  }

  private void normalizer(Settings part) {
    switch (part.type()) {
      case "NFC" -> composes = true;
      case "Prepend" -> {
        require(part.string("prepend", "").equals(SPACE), part);
        prefix = Prefix.DOUBLED;
      }
      case "Replace" -> {
        require(" ".equals(part.object("pattern").string("String", ""))
            && part.string("content", "").equals(SPACE), part);
        marksSpaces = true;
      }
      default -> throw unsupported(part);
    }
  }

  private void preTokenizer(Settings part) {
    switch (part.type()) {
      case "ByteLevel" -> {
        require(!part.bool("add_prefix_space", true), part);
        byteLevel = true;
        if (part.bool("use_regex", true)) {
          add("gpt-2", Splitters::gpt2);
        }
      }
      case "Digits" -> {
        if (part.bool("individual_digits", false)) {
          add("digits", Splitters::number);
        } else {
          add("numbers", Splitters::numberRun);
        }
      }
      case "Punctuation" -> {
        require(part.string("behavior", "Isolated").equals("Contiguous"), part);
        add("punctuation and symbols", Splitters.punctuation(Splitters.ASCII_SYMBOLS));
      }
      case "Split" -> split(part);
      case "Metaspace" -> metaspace(part);
      default -> throw unsupported(part);
    }
  }

  private void split(Settings part) {
    String behavior = part.string("behavior", "");
    boolean keepsAll = behavior.equals("Isolated") || (behavior.equals("Removed") && part.bool("invert", false));
    require(keepsAll, part);
    String pattern = part.object("pattern").string("Regex", "");
    SplitPatterns.Known known = SplitPatterns.of(pattern).orElseThrow(
        () -> unsupported("the pattern '" + oneLine(pattern) + "' of " + part.where() + " is not supported"));
    add(known.name(), known.splitter());
  }

  private static String oneLine(String pattern) {
    return pattern.replace("\r", "\\r").replace("\n", "\\n");
  }

  private void metaspace(Settings part) {
    require(part.string("replacement", SPACE).equals(SPACE), part);
    marksSpaces = true;
    splitsAtSpaces = part.bool("split", true);
    String usual = part.bool("add_prefix_space", true) ? "always" : "never";
    prefix = switch (part.string("prepend_scheme", usual)) {
      case "never" -> Prefix.NEVER;
      case "first" -> Prefix.FIRST;
      case "always" -> Prefix.ALWAYS;
      default -> throw unsupported(part);
    };
  }

  private void decoder(Settings part) {
    switch (part.type()) {
      case "ByteLevel", "ByteFallback", "Fuse" -> {}
      case "Replace" -> require(SPACE.equals(part.object("pattern").string("String", ""))
          && part.string("content", "").equals(" "), part);
      case "Strip" -> {
        Map<String, Object> expected = Map.of("content", " ", "start", 1L, "stop", 0L);
        require(expected.entrySet().stream().allMatch(e -> e.getValue().equals(part.values().get(e.getKey()))), part);
        dropsFirstSpace = true;
      }
      case "Metaspace" -> dropsFirstSpace = part.bool("add_prefix_space", true)
          && !part.string("prepend_scheme", "always").equals("never");
      default -> throw unsupported(part);
    }
  }

  private void add(String name, Splitter splitter) {
    names.add(name);
    splitters.add(splitter);
  }

  boolean byteLevel() {
    return byteLevel;
  }

  boolean composes() {
    return composes;
  }

  boolean splitsAtSpaces() {
    return splitsAtSpaces;
  }

  boolean dropsFirstSpace() {
    return dropsFirstSpace;
  }

  Prefix prefix() {
    return prefix;
  }

  List<Splitter> splitters() {
    return List.copyOf(splitters);
  }

  /** The rules in order, for people. */
  String name() {
    return names.isEmpty() ? "none" : String.join(" + ", names);
  }

  private void require(boolean condition, Settings part) {
    if (!condition) {
      throw unsupported("the settings of " + part.where() + " (" + part.type() + ") are not supported");
    }
  }

  private UnsupportedModelException unsupported(Settings part) {
    return unsupported(part.where() + " of type '" + Texts.printable(part.type()) + "' is not supported");
  }

  private UnsupportedModelException unsupported(String what) {
    return new UnsupportedModelException(file, what);
  }
}
