package dev.depths.loader;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.util.ByteBufferBackedInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * One safetensors file (<a href="https://github.com/huggingface/safetensors#format">format</a>): the length of a JSON
 * header, the header, the tensors without gaps.
 *
 * @param metadata the header's {@code __metadata__}
 * @param tensors views of the file by name, in the order of their bytes
 */
record SafetensorsFile(SequencedMap<String, String> metadata, SequencedMap<String, Tensor> tensors) {
  private static final int LENGTH_BYTES = 8;
  private static final long MAX_HEADER_BYTES = 100_000_000;
  private static final int MAX_TENSORS = 1 << 16;
  private static final int MAX_METADATA = 1 << 12;
  private static final int MAX_METADATA_CHARS = 1 << 24;
  private static final int MAX_NAME = 256;
  private static final int MAX_DIMENSIONS = 4;

  private record Info(String name, DType type, List<Long> shape, long begin, long end) {}

  /**
   * Parses a file's bytes.
   *
   * @throws MalformedFileException if they break the format's rules
   * @throws UnsupportedModelException if a tensor's type is not supported
   */
  static SafetensorsFile parse(Object file, MemorySegment data) {
    return new Parser(file, data).parse();
  }

  private static final class Parser {
    private final Object file;
    private final MemorySegment data;
    private final SequencedMap<String, String> metadata = new LinkedHashMap<>();
    private final List<Info> infos = new ArrayList<>();
    private JsonParser json;

    Parser(Object file, MemorySegment data) {
      this.file = file;
      this.data = data;
    }

    SafetensorsFile parse() {
      ByteCursor in = new ByteCursor(file, data, Long.MAX_VALUE);
      long length = in.u64("length of the header");
      if (length > in.remaining()) {
        throw in.malformed(0, "the header has " + length + " bytes, but only " + in.remaining() + " remain");
      }
      if (length > MAX_HEADER_BYTES) {
        throw in.malformed(0, "the header has " + length + " bytes, expected at most " + MAX_HEADER_BYTES);
      }
      if (length == 0 || data.get(ValueLayout.JAVA_BYTE, LENGTH_BYTES) != '{') {
        throw in.malformed(LENGTH_BYTES, "the header does not start with {");
      }
      MemorySegment header = data.asSlice(LENGTH_BYTES, length);
      // A new decoder reports malformed input, where one made from the charset's name would replace it.
      try (Reader text = new InputStreamReader(
              new ByteBufferBackedInputStream(header.asByteBuffer()), StandardCharsets.UTF_8.newDecoder());
          JsonParser parser = Json.FACTORY.createParser(text)) {
        json = parser;
        header();
      } catch (CharacterCodingException e) {
        throw new MalformedFileException(file, "header at offset " + LENGTH_BYTES, "is not valid UTF-8", e);
      } catch (JsonProcessingException e) {
        throw Json.malformed(file, "header at offset " + LENGTH_BYTES, e);
      } catch (IOException e) {
        throw new MalformedFileException(
            file, "header at offset " + LENGTH_BYTES, "cannot be read: " + e.getMessage(), e);
      }
      return new SafetensorsFile(metadata, tensors(data.asSlice(LENGTH_BYTES + length)));
    }

    private void header() throws IOException {
      json.nextToken();
      while (json.nextToken() != JsonToken.END_OBJECT) {
        String name = json.currentName();
        json.nextToken();
        if (name.equals("__metadata__")) {
          metadata();
        } else {
          infos.add(tensor(name));
        }
        if (infos.size() > MAX_TENSORS) {
          throw malformed("header", "has more than " + MAX_TENSORS + " tensors");
        }
      }
      if (json.nextToken() != null) {
        throw malformed("header", "goes on after its object");
      }
    }

    private void metadata() throws IOException {
      require(JsonToken.START_OBJECT, "__metadata__", "an object");
      long chars = 0;
      while (json.nextToken() != JsonToken.END_OBJECT) {
        String key = json.currentName();
        json.nextToken();
        require(JsonToken.VALUE_STRING, "__metadata__." + key, "a string");
        metadata.put(key, json.getText());
        chars += key.length() + json.getText().length();
        if (metadata.size() > MAX_METADATA || chars > MAX_METADATA_CHARS) {
          throw malformed("__metadata__",
              "has more than " + MAX_METADATA + " members or " + MAX_METADATA_CHARS + " characters");
        }
      }
    }

    private Info tensor(String name) throws IOException {
      if (name.isEmpty() || name.length() > MAX_NAME) {
        throw malformed("header", "has a tensor name of " + name.length() + " characters, expected 1 to " + MAX_NAME);
      }
      require(JsonToken.START_OBJECT, name, "an object");
      String type = null;
      List<Long> shape = null;
      List<Long> offsets = null;
      while (json.nextToken() != JsonToken.END_OBJECT) {
        String key = json.currentName();
        json.nextToken();
        switch (key) {
          case "dtype" -> {
            require(JsonToken.VALUE_STRING, name + ".dtype", "a string");
            type = json.getText();
          }
          case "shape" -> shape = integers(name + ".shape", MAX_DIMENSIONS);
          case "data_offsets" -> offsets = integers(name + ".data_offsets", 2);
          default -> throw malformed(
              name, "has the key " + Metadata.shown(key) + ", expected dtype, shape, data_offsets");
        }
      }
      if (type == null || shape == null || offsets == null) {
        throw malformed(name, "has no " + (type == null ? "dtype" : shape == null ? "shape" : "data_offsets"));
      }
      if (offsets.size() != 2 || offsets.get(0) > offsets.get(1)) {
        throw malformed(name + ".data_offsets", "is " + offsets + ", expected begin and end");
      }
      return info(name, type(name, type), shape, offsets.get(0), offsets.get(1));
    }

    private Info info(String name, DType type, List<Long> shape, long begin, long end) {
      long elements = 1;
      for (long dimension : shape) {
        if (dimension == 0 || dimension > Long.MAX_VALUE / 4 / elements) {
          throw malformed(name + ".shape", "is " + shape + ", expected dimensions of 1 or more and 2^61 in all");
        }
        elements *= dimension;
      }
      if (shape.isEmpty() || shape.getLast() > Integer.MAX_VALUE) {
        throw malformed(
            name + ".shape", "is " + shape + ", expected 1 to " + MAX_DIMENSIONS + " dimensions, the last below 2^31");
      }
      if (type.bytes(elements) != end - begin) {
        throw malformed(name + ".data_offsets",
            "spans " + (end - begin) + " bytes, expected " + type.bytes(elements) + " for " + shape + " of " + type);
      }
      return new Info(name, type, shape, begin, end);
    }

    private DType type(String name, String type) {
      return switch (type) {
        case "F32" -> DType.F32;
        case "F16" -> DType.F16;
        case "BF16" -> DType.BF16;
        default -> throw new UnsupportedModelException(
            file, "tensor " + name + " has the type " + Metadata.shown(type) + "; supported are F32, F16, BF16");
      };
    }

    private List<Long> integers(String what, int max) throws IOException {
      require(JsonToken.START_ARRAY, what, "an array");
      List<Long> list = new ArrayList<>();
      while (json.nextToken() != JsonToken.END_ARRAY) {
        require(JsonToken.VALUE_NUMBER_INT, what, "integers");
        boolean fits = json.getNumberType() != JsonParser.NumberType.BIG_INTEGER && json.getLongValue() >= 0;
        if (!fits) {
          throw malformed(what, "holds " + json.getText() + ", expected 0 or more, less than 2^63");
        }
        list.add(json.getLongValue());
        if (list.size() > max) {
          throw malformed(what, "has more than " + max + " elements");
        }
      }
      return List.copyOf(list);
    }

    private SequencedMap<String, Tensor> tensors(MemorySegment body) {
      infos.sort(Comparator.comparingLong(Info::begin));
      SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
      long expected = 0;
      for (Info info : infos) {
        if (info.begin != expected) {
          throw malformed(info.name + ".data_offsets",
              "begins at " + info.begin + ", expected the end of the tensor before, " + expected);
        }
        if (info.end > body.byteSize()) {
          throw malformed(info.name + ".data_offsets",
              "ends at " + info.end + ", but only " + body.byteSize() + " bytes follow the header");
        }
        MemorySegment bytes = body.asSlice(info.begin, info.end - info.begin);
        tensors.put(info.name, new Tensor(info.name, info.type, info.shape, bytes));
        expected = info.end;
      }
      if (expected != body.byteSize()) {
        throw malformed("offset " + (data.byteSize() - body.byteSize() + expected),
            (body.byteSize() - expected) + " bytes follow the last tensor, expected the end of the file");
      }
      return tensors;
    }

    private void require(JsonToken token, String where, String what) throws IOException {
      if (json.currentToken() != token) {
        throw malformed(where, "is " + Metadata.shown(json.getText()) + ", expected " + what);
      }
    }

    private MalformedFileException malformed(String where, String problem) {
      return new MalformedFileException(file, where, problem);
    }
  }
}
