package dev.depths.loader.tokenizer;

import dev.depths.loader.MalformedFileException;
import dev.depths.loader.UnsupportedModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;

/** Makes a tokenizer of {@code tokenizer.json} and the configuration files beside it. */
final class HuggingFaceTokenizers {
  private final Path directory;
  private final Path file;
  private final TokenizerJson json;
  private final Settings settings;
  private final Settings modelSettings;
  private final BitSet stripsBefore = new BitSet();
  private final BitSet stripsAfter = new BitSet();

  private HuggingFaceTokenizers(Path directory, TokenizerJson json) {
    this.directory = directory;
    this.json = json;
    file = json.file();
    settings = new Settings(file, "", json.settings());
    modelSettings = new Settings(file, "model", json.model());
  }

  static Tokenizer read(Path directory) throws IOException {
    return parts(directory).tokenizer();
  }

  /** The parts of a directory's tokenizer. */
  static HuggingFaceParts parts(Path directory) throws IOException {
    TokenizerJson json = TokenizerJson.read(directory.resolve("tokenizer.json"));
    return new HuggingFaceTokenizers(directory, json).parts();
  }

  private HuggingFaceParts parts() throws IOException {
    checkModel();
    Vocabulary vocabulary = vocabulary();
    TextRules rules = TextRules.read(file, settings);
    HuggingFaceSpecialIds ids = new HuggingFaceSpecialIds(vocabulary, settings, config("tokenizer_config.json"),
        config("generation_config.json"), config("config.json"));
    return new HuggingFaceParts(file, vocabulary, rules, ids.read(), ids.padding(), unknown(vocabulary), json.merges(),
        modelSettings.bool("ignore_merges", false), stripsBefore, stripsAfter);
  }

  private void checkModel() {
    String type = modelSettings.string("type", "BPE");
    if (!type.equals("BPE")) {
      throw unsupported("the tokenizer model '" + Texts.printable(type) + "' is not supported, only BPE is");
    }
    for (String affix : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
      if (!modelSettings.string(affix, "").isEmpty()) {
        throw unsupported("model." + affix + " is not supported");
      }
    }
    if (json.pieces().isEmpty()) {
      throw new MalformedFileException(file, "model.vocab", "is missing or empty");
    }
  }

  private Vocabulary vocabulary() {
    int size = 0;
    for (int i = 0; i < json.ids().size(); i++) {
      size = Math.max(size, json.ids().getInt(i) + 1);
    }
    List<Settings> added = settings.objects("added_tokens");
    for (Settings token : added) {
      size = Math.max(size, addedId(token) + 1);
    }
    String[] pieces = new String[size];
    // Ids that no token has are padding.
    Arrays.fill(pieces, "");
    TokenType[] types = new TokenType[size];
    Arrays.fill(types, TokenType.UNUSED);
    for (int i = 0; i < json.pieces().size(); i++) {
      int id = json.ids().getInt(i);
      place(pieces, id, json.pieces().get(i), "model.vocab");
      types[id] = ByteTokens.isWritten(pieces[id]) && modelSettings.bool("byte_fallback", false)
          ? TokenType.BYTE : TokenType.NORMAL;
    }
    for (Settings token : added) {
      add(token, pieces, types);
    }
    return new Vocabulary(
        file, "model.vocab", new Pieces(file, "model.vocab", new StringList(pieces)), types);
  }

  private void add(Settings token, String[] pieces, TokenType[] types) {
    int id = addedId(token);
    String content = token.string("content", "");
    if (content.isEmpty() || content.length() > SpecialTokens.MAX_LENGTH || Texts.loneSurrogate(content) >= 0) {
      throw token.malformed("content", "expected valid Unicode of 1 to " + SpecialTokens.MAX_LENGTH + " characters");
    }
    if (token.bool("single_word", false)) {
      throw unsupported("single_word of " + token.where() + " is not supported");
    }
    if (!content.equals(pieces[id])) {
      place(pieces, id, content, token.where());
    }
    types[id] = token.bool("special", false) ? TokenType.CONTROL : TokenType.USER_DEFINED;
    stripsBefore.set(id, token.bool("lstrip", false));
    stripsAfter.set(id, token.bool("rstrip", false));
  }

  private void place(String[] pieces, int id, String piece, String where) {
    if (!pieces[id].isEmpty()) {
      throw new MalformedFileException(file, where, "the token " + id + " is both '" + Texts.printable(pieces[id])
          + "' and '" + Texts.printable(piece) + "'");
    }
    pieces[id] = piece;
  }

  private static int addedId(Settings token) {
    long id = token.integer("id");
    if (id < 0 || id >= Vocabulary.MAX_SIZE) {
      throw token.malformed("id", id + ", expected 0 to " + (Vocabulary.MAX_SIZE - 1));
    }
    return (int) id;
  }

  private int unknown(Vocabulary vocabulary) {
    String piece = modelSettings.string("unk_token", "");
    return piece.isEmpty() ? Vocabulary.NONE : vocabulary.id(piece);
  }

  private Settings config(String name) throws IOException {
    Path path = directory.resolve(name);
    return new Settings(path, "", Files.exists(path) ? JsonText.read(path) : Map.of());
  }

  private UnsupportedModelException unsupported(String what) {
    return new UnsupportedModelException(file, what);
  }
}
