package dev.depths.loader;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Files of some 40 MB, made of what costs a reader most for its bytes, are read or refused by a JVM of 64 MB heap. */
class HostileSizesTest {
  private static final int BYTES = 40_000_000;

  @TempDir Path directory;

  /** What a file is filled with. */
  enum Filling {
    GGUF_STRINGS("parsed") {
      @Override
      void write(OutputStream out) throws IOException {
        int count = BYTES / 8;
        out.write(RawBytes.gguf(3, 0, 1).string("k").i32(9).i32(8).i64(count).bytes());
        repeat(out, new byte[8], count);
      }
    },
    GGUF_NESTED_ARRAYS("refused") {
      @Override
      void write(OutputStream out) throws IOException {
        int keys = BYTES / 4096 / 12;
        out.write(RawBytes.gguf(3, 0, keys).bytes());
        byte[] empty = new RawBytes().i32(4).i64(0).bytes();
        for (int key = 0; key < keys; key++) {
          out.write(new RawBytes().string("key" + key).i32(9).i32(9).i64(4096).bytes());
          repeat(out, empty, 4096);
        }
      }
    },
    GGUF_KEYS("parsed") {
      @Override
      void write(OutputStream out) throws IOException {
        int keys = 1 << 16;
        out.write(RawBytes.gguf(3, 0, keys).bytes());
        for (int key = 0; key < keys; key++) {
          out.write(new RawBytes().string("key" + key).i32(8).string("v".repeat(400)).bytes());
        }
      }
    },
    GGUF_TENSORS("parsed") {
      @Override
      void write(OutputStream out) throws IOException {
        int tensors = 1 << 16;
        out.write(RawBytes.gguf(3, tensors, 0).bytes());
        for (int i = 0; i < tensors; i++) {
          out.write(new RawBytes().tensor("tensor" + i, 0, 32L * i, 1, 1, 1, 1).bytes());
        }
        repeat(out, new byte[32], tensors + 1);
      }
    },
    SAFETENSORS_TENSORS("refused") {
      @Override
      void write(OutputStream out) throws IOException {
        out.write(new RawBytes().i64(BYTES).text("{").bytes());
        repeat(out, "\"#\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},");
      }
    },
    SAFETENSORS_METADATA("refused") {
      @Override
      void write(OutputStream out) throws IOException {
        out.write(new RawBytes().i64(BYTES).text("{\"__metadata__\":{").bytes());
        repeat(out, "\"#\":\"\",");
      }
    },
    SAFETENSORS_MEMBERS("refused") {
      @Override
      void write(OutputStream out) throws IOException {
        out.write(new RawBytes().i64(BYTES).text("{\"t\":{\"shape\":[").bytes());
        repeat(out, "#,");
      }
    };

    private final String outcome;

    Filling(String outcome) {
      this.outcome = outcome;
    }

    abstract void write(OutputStream out) throws IOException;

    private static void repeat(OutputStream out, byte[] bytes, int count) throws IOException {
      for (int i = 0; i < count; i++) {
        out.write(bytes);
      }
    }

    /** Members with running numbers up to the size of a file. */
    private static void repeat(OutputStream out, String member) throws IOException {
      int written = 0;
      for (int i = 0; written < BYTES; i++) {
        byte[] bytes = member.replace("#", Integer.toString(i)).getBytes(StandardCharsets.US_ASCII);
        out.write(bytes);
        written += bytes.length;
      }
    }
  }

  /** Runs in the small JVM. */
  static final class Reader {
    private Reader() {}

    public static void main(String[] args) throws IOException {
      Path file = Path.of(args[1]);
      try (Arena arena = Arena.ofConfined()) {
        if (args[0].startsWith("GGUF")) {
          GgufFile.parse(file, MappedFile.map(file, arena));
        } else {
          SafetensorsFile.parse(file, MappedFile.map(file, arena));
        }
        System.out.print("parsed");
      } catch (MalformedFileException e) {
        System.out.print("refused");
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void fitASmallHeap(Filling filling) throws Exception {
    Path file = directory.resolve(filling.name());
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 20)) {
      filling.write(out);
    }
    String classPath = Stream.of(GgufFile.class, Reader.class, JsonFactory.class, ObjectMapper.class)
        .map(type -> Path.of(URI.create(
            type.getProtectionDomain().getCodeSource().getLocation().toString())).toString())
        .distinct().collect(Collectors.joining(File.pathSeparator));
    Process process = new ProcessBuilder(List.of(
        ProcessHandle.current().info().command().orElseThrow(), "-Xmx64m", "-XX:+UseSerialGC", "-cp", classPath,
        Reader.class.getName(), filling.name(), file.toString())).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(filling.outcome, output);
    assertTrue(process.waitFor(1, TimeUnit.MINUTES));
    Files.delete(file);
  }
}
