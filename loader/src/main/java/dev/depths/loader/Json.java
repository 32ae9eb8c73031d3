package dev.depths.loader;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/** Reads untrusted JSON with limits, into the values that {@link Metadata} knows. */
final class Json {
  static final JsonFactory FACTORY = ((JsonFactoryBuilder) JsonFactory.builder())
      .streamReadConstraints(StreamReadConstraints.builder()
          .maxNestingDepth(32).maxNameLength(4096).maxStringLength(1 << 24).maxNumberLength(100).build())
      .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
      // The symbol table of names gains nothing here and can be attacked with colliding hashes.
      .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
      .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
      .build();

  private static final int MAX_VALUES = 1 << 18;

  private final Object file;
  private final JsonParser parser;
  private int count;

  private Json(Object file, JsonParser parser) {
    this.file = file;
    this.parser = parser;
  }

  /**
   * Reads one object: integers as Long, other numbers as Double, arrays as lists; members of nested objects by their
   * path, {@code outer.inner}, but objects in arrays as maps; members that are null are left out.
   *
   * @param where the key or offset at which the file holds the text
   * @param prefix of all keys
   */
  static SequencedMap<String, Object> object(Object file, String where, String text, String prefix) {
    try (JsonParser parser = FACTORY.createParser(text)) {
      Json json = new Json(file, parser);
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new MalformedFileException(file, where, "is no JSON object");
      }
      SequencedMap<String, Object> values = new LinkedHashMap<>();
      json.members(prefix, values);
      if (parser.nextToken() != null) {
        throw new MalformedFileException(file, where, "goes on after the JSON object");
      }
      return values;
    } catch (JsonProcessingException e) {
      throw malformed(file, where, e);
    } catch (IOException e) {
      throw new MalformedFileException(file, where, "cannot be read: " + e.getMessage(), e);
    }
  }

  /** The exception for text that is no JSON, with the offset at which it stops being so. */
  static MalformedFileException malformed(Object file, String where, JsonProcessingException e) {
    String problem = e.getOriginalMessage().lines().findFirst().orElse("");
    String at = e.getLocation() == null ? "" : ", line " + e.getLocation().getLineNr() + " column "
        + e.getLocation().getColumnNr();
    return new MalformedFileException(file, where + at, "is no valid JSON: " + problem, e);
  }

  private void members(String prefix, SequencedMap<String, Object> values) throws IOException {
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = prefix + parser.currentName();
      if (parser.nextToken() == JsonToken.START_OBJECT) {
        members(key + '.', values);
        continue;
      }
      Object value = value(key);
      if (value != null && values.put(key, value) != null) {
        throw new MalformedFileException(file, key, "appears twice");
      }
    }
  }

  private Object value(String key) throws IOException {
    if (++count > MAX_VALUES) {
      throw new MalformedFileException(file, key, "is one value too many, expected at most " + MAX_VALUES);
    }
    return switch (parser.currentToken()) {
      case VALUE_NULL -> null;
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_STRING -> parser.getText();
      case VALUE_NUMBER_INT -> switch (parser.getNumberType()) {
        case INT, LONG -> parser.getLongValue();
        default -> throw new MalformedFileException(file, key, "is " + parser.getText() + ", expected less than 2^63");
      };
      case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
      case START_ARRAY -> array(key);
      case START_OBJECT -> {
        SequencedMap<String, Object> values = new LinkedHashMap<>();
        members("", values);
        yield Collections.unmodifiableMap(values);
      }
      default -> throw new MalformedFileException(file, key, "is no JSON value");
    };
  }

  private List<Object> array(String key) throws IOException {
    List<Object> list = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      list.add(value(key));
    }
    return Collections.unmodifiableList(list);
  }
}
