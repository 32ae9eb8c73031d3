package dev.depths.loader.tokenizer;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.depths.loader.MalformedFileException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads an untrusted JSON file with limits: large parts as a stream, small ones as values. */
final class JsonText implements AutoCloseable {
  private static final long MAX_BYTES = 1L << 27;
  /** Bound on what is kept as values, which take far more memory than their text. */
  private static final int MAX_VALUES = 1 << 20;
  private static final JsonFactory FACTORY = ((JsonFactoryBuilder) JsonFactory.builder())
      .streamReadConstraints(StreamReadConstraints.builder()
          .maxNestingDepth(32).maxNameLength(1 << 16).maxStringLength(1 << 20).maxNumberLength(100).build())
      // The symbol table of names gains nothing here and can be attacked with colliding hashes.
      .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
      .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
      .build();

  /** Reads a value of some type. */
  @FunctionalInterface
  interface Reader<T> {
    T read() throws IOException;
  }

  private final Path file;
  private final JsonParser parser;
  private int values;

  private JsonText(Path file, JsonParser parser) {
    this.file = file;
    this.parser = parser;
  }

  static JsonText open(Path file) throws IOException {
    if (!Files.exists(file)) {
      throw new NoSuchFileException(file.toString());
    }
    if (!Files.isRegularFile(file)) {
      throw new MalformedFileException(file, "offset 0", "is no regular file");
    }
    long size = Files.size(file);
    if (size > MAX_BYTES) {
      throw new MalformedFileException(file, "offset 0", size + " bytes, expected at most " + MAX_BYTES);
    }
    // A reader, since of bytes the parser would guess other encodings than UTF-8 too.
    return new JsonText(file, FACTORY.createParser(new InputStreamReader(Files.newInputStream(file), UTF_8)));
  }

  /** All of a file that is one object. */
  static Map<String, Object> read(Path file) throws IOException {
    try (JsonText json = open(file)) {
      return json.document(json::object);
    }
  }

  /** Reads the file's one object with {@code reader}, and turns the parser's complaints into ours. */
  <T> T document(Reader<T> reader) throws IOException {
    try {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw malformed("is no JSON object");
      }
      T result = reader.read();
      if (parser.nextToken() != null) {
        throw malformed("goes on after the JSON object");
      }
      return result;
    } catch (JsonProcessingException e) {
      JsonLocation at = e.getLocation();
      String where = at == null ? "text" : "line " + at.getLineNr() + " column " + at.getColumnNr();
      String problem = e.getOriginalMessage().lines().findFirst().orElse("");
      throw new MalformedFileException(file, where, "is no valid JSON: " + problem, e);
    }
  }

  /** The name of the next member of the object begun, its value being the current token, or null at the end. */
  String nextMember() throws IOException {
    JsonToken token = parser.nextToken();
    if (token == JsonToken.END_OBJECT) {
      return null;
    }
    String name = parser.currentName();
    parser.nextToken();
    return name;
  }

  /** Moves to the next element of the array begun; false at its end. */
  boolean nextElement() throws IOException {
    return parser.nextToken() != JsonToken.END_ARRAY;
  }

  boolean isObject() {
    return parser.currentToken() == JsonToken.START_OBJECT;
  }

  boolean isArray() {
    return parser.currentToken() == JsonToken.START_ARRAY;
  }

  boolean isString() {
    return parser.currentToken() == JsonToken.VALUE_STRING;
  }

  String string() throws IOException {
    if (!isString()) {
      throw malformed("found " + parser.currentToken() + ", expected a string");
    }
    return parser.getText();
  }

  int integer() throws IOException {
    if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT || parser.getNumberType() != JsonParser.NumberType.INT) {
      throw malformed("found " + parser.getText() + ", expected an integer");
    }
    return parser.getIntValue();
  }

  void skip() throws IOException {
    parser.skipChildren();
  }

  /** The current value: Map, List, String, Long, Double, Boolean or null. */
  Object value() throws IOException {
    if (++values > MAX_VALUES) {
      throw malformed("more than " + MAX_VALUES + " values");
    }
    return switch (parser.currentToken()) {
      case START_OBJECT -> object();
      case START_ARRAY -> {
        List<Object> list = new ArrayList<>();
        while (nextElement()) {
          list.add(value());
        }
        yield list;
      }
      case VALUE_STRING -> parser.getText();
      case VALUE_NUMBER_INT -> parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
          ? (Object) parser.getDoubleValue() : parser.getLongValue();
      case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> null;
      default -> throw malformed("is no JSON value");
    };
  }

  private Map<String, Object> object() throws IOException {
    Map<String, Object> map = new LinkedHashMap<>();
    for (String name = nextMember(); name != null; name = nextMember()) {
      map.put(name, value());
    }
    return map;
  }

  MalformedFileException malformed(String problem) {
    return new MalformedFileException(file, "line " + parser.currentLocation().getLineNr() + " column "
        + parser.currentLocation().getColumnNr(), problem);
  }

  @Override
  public void close() throws IOException {
    parser.close();
  }
}
