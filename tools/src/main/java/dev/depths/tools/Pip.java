package dev.depths.tools;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import java.util.stream.Stream;

/** Downloads a wheel with the pip client, which knows the user's configuration: mirrors, proxies, certificates. */
final class Pip {
  /** The commands by which pip is called, in the order in which they are tried. */
  static final List<List<String>> CLIENTS =
      List.of(List.of("python3", "-m", "pip"), List.of("pip3"), List.of("pip"), List.of("python", "-m", "pip"));

  private static final int POLL_MILLIS = 100;

  private final List<List<String>> clients;
  private Process running;
  private boolean stopped;

  Pip(List<List<String>> clients) {
    this.clients = clients;
  }

  /**
   * Downloads one wheel, without those it depends on.
   *
   * @param directory an empty directory; pip's temporary files go there too
   * @param progress gets the bytes that have arrived
   * @throws CommandException if there is no pip, or it fails
   */
  Path download(String requirement, Path directory, LongConsumer progress) throws IOException, InterruptedException {
    String missing = null;
    for (List<String> client : clients) {
      Path log = directory.resolve("pip.log");
      Process process;
      try {
        process = start(client, requirement, directory, log);
      } catch (IOException e) {
        continue;
      }
      int status = await(process, directory, progress);
      if (status == 0) {
        return wheel(directory);
      }
      String output = Files.readString(log);
      if (!output.contains("No module named pip")) {
        throw new CommandException(lastError(output, status));
      }
      missing = output;
    }
    throw new CommandException(missing == null ? "Python's pip was not found" : "Python has no module pip");
  }

  private synchronized Process start(List<String> client, String requirement, Path directory, Path log)
      throws IOException {
    if (stopped) {
      throw new CommandException("interrupted");
    }
    List<String> command = new ArrayList<>(client);
    command.addAll(List.of("download", "--no-deps", "--only-binary=:all:", "--ignore-requires-python",
        "--disable-pip-version-check", "--no-input", "--progress-bar=off", "--dest", directory.toString(), requirement));
    ProcessBuilder builder = new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(log.toFile());
    builder.environment().put("TMPDIR", directory.toString());
    running = builder.start();
    running.getOutputStream().close();
    return running;
  }

  private static int await(Process process, Path directory, LongConsumer progress)
      throws IOException, InterruptedException {
    while (!process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
      progress.accept(size(directory));
    }
    return process.exitValue();
  }

  /** Ends the download for good, and waits until it has ended. For any thread. */
  synchronized void stop() {
    stopped = true;
    if (running != null) {
      // With pyenv and its like, pip is a child of a script.
      List<ProcessHandle> all = Stream.concat(Stream.of(running.toHandle()), running.descendants()).toList();
      all.forEach(ProcessHandle::destroyForcibly);
      all.forEach(process -> process.onExit().join());
    }
  }

  /** Bytes of all files under a directory, some of which may vanish meanwhile. */
  private static long size(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      return files.mapToLong(file -> file.toFile().isFile() ? file.toFile().length() : 0).sum();
    } catch (UncheckedIOException vanished) {
      return 0;
    }
  }

  private static Path wheel(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.filter(file -> file.toString().endsWith(".whl")).findFirst()
          .orElseThrow(() -> new CommandException("pip left no wheel in " + directory));
    }
  }

  private static String lastError(String output, int status) {
    return output.lines()
        .filter(line -> line.startsWith("ERROR:"))
        .reduce((first, second) -> second)
        .map(line -> "pip says: " + line.substring("ERROR:".length()).strip())
        .orElse("pip failed with status " + status);
  }
}
