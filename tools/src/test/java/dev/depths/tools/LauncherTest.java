package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher in a source tree of its own, with scripts in the place of Maven and the JDK. */
class LauncherTest {
  private static final int TIMEOUT_SECONDS = 60;
  private static final String WARNING = "WARNING: Using incubator modules: jdk.incubator.vector";

  @TempDir
  Path directory;

  private Path home;
  private final Map<String, String> environment = new HashMap<>();

  @BeforeEach
  void makeTree() throws IOException {
    home = Files.createDirectories(directory.resolve("a home"));
    Files.copy(Path.of("..", "depths"), home.resolve("depths"), StandardCopyOption.COPY_ATTRIBUTES);
    for (String module : List.of("loader", "runtime", "tools")) {
      Files.createDirectories(home.resolve(module + "/src/main/java"));
    }
    Files.writeString(home.resolve("pom.xml"), "<project/>");
    script(directory.resolve("bin/mvn"), "sleep 0.3; echo built >> '" + directory + "/builds'\n"
        + "mkdir -p loader/target tools/target/app\necho \"$@\" > tools/target/app/depths.jar");
    jdk("jdk", "25.0.3", "printf '<%s>' \"$@\"; echo \" $LC_ALL\"; echo '" + WARNING + "' >&2\n"
        + "echo 'other words' >&2; echo 'from the application' >&3; exit 7");
    environment.put("JAVA_HOME", directory.resolve("jdk").toString());
    environment.put("PATH", directory.resolve("bin") + ":/usr/bin:/bin");
    environment.put("HOME", directory.toString());
    environment.put("LC_ALL", "C.UTF-8");
  }

  private static void script(Path file, String body) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, "#!/bin/sh\n" + body + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private void jdk(String name, String version, String java) throws IOException {
    script(directory.resolve(name + "/bin/java"), java);
    script(directory.resolve(name + "/bin/javac"), "");
    Files.writeString(directory.resolve(name + "/release"),
        "IMPLEMENTOR=\"Nobody\"\nJAVA_VERSION=\"" + version + "\"\nOS_NAME=\"Linux\"\n");
  }

  private record Run(int code, String out, String err) {}

  private Process start(Path command, Path output, String... args) throws IOException {
    List<String> words = new ArrayList<>(List.of(command.toString()));
    words.addAll(List.of(args));
    ProcessBuilder builder = new ProcessBuilder(words).directory(directory.toFile())
        .redirectOutput(output.toFile()).redirectError(Path.of(output + ".err").toFile());
    builder.environment().clear();
    builder.environment().putAll(environment);
    return builder.start();
  }

  private Run finish(Process process, Path output) throws IOException, InterruptedException {
    assertTrue(process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS));
    // The filter of standard error may live a little longer than the process.
    Path err = Path.of(output + ".err");
    for (int i = 0; i < 50 && process.exitValue() == 7 && !Files.readString(err).contains("other words"); i++) {
      Thread.sleep(20);
    }
    return new Run(process.exitValue(), Files.readString(output), Files.readString(err));
  }

  private Run run(String... args) throws IOException, InterruptedException {
    return run(home.resolve("depths"), args);
  }

  private Run run(Path command, String... args) throws IOException, InterruptedException {
    Path output = directory.resolve("output");
    return finish(start(command, output, args), output);
  }

  private long builds() throws IOException {
    Path log = directory.resolve("builds");
    return Files.exists(log) ? Files.readAllLines(log).size() : 0;
  }

  @Test
  void passesArgumentsFlagsAndStatus() throws IOException, InterruptedException {
    Run run = run("generate", "two words", "", "it's \"quoted\" $HOME");
    assertEquals(7, run.code());
    String app = home.toRealPath() + "/tools/target/app";
    assertTrue(run.out().contains("<@" + app + "/java.options>"), run.out());
    assertTrue(run.out().contains("<-XX:CompilerDirectivesFile=" + app + "/compiler.json>"), run.out());
    assertTrue(run.out().contains("<-Ddepths.home=" + app + ">"), run.out());
    assertTrue(run.out().contains(
        "<dev.depths.tools.Main><generate><two words><><it's \"quoted\" $HOME> C.UTF-8"), run.out());
  }

  /** The JVM says nothing of a command for a method that is not there. */
  @Test
  void optionsAreUnderstoodAndNameKernels() throws IOException, InterruptedException, ClassNotFoundException {
    Path files = Path.of(System.getProperty("depths.home"));
    Path output = directory.resolve("version");
    Process process = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "@" + files.resolve("java.options"),
        "-XX:CompilerDirectivesFile=" + files.resolve("compiler.json"), "-version")
        .redirectErrorStream(true).redirectOutput(output.toFile()).start();
    assertEquals(0, process.waitFor());
    String said = Files.readString(output);
    assertTrue(said.contains("compiler directives added"), said);
    assertFalse(said.contains("error") || said.contains("warning"), said);
    String named = Files.readString(files.resolve("java.options")) + Files.readString(files.resolve("compiler.json"));
    Matcher kernels = Pattern.compile("dev[./]depths[./]runtime[./]kernel[./](\\w+)(?:::|\\.)(\\w+|\\*)").matcher(named);
    int count = 0;
    for (; kernels.find(); count++) {
      String method = kernels.group(2);
      Class<?> type = Class.forName("dev.depths.runtime.kernel." + kernels.group(1), false, getClass().getClassLoader());
      assertTrue(method.equals("*")
          || Arrays.stream(type.getDeclaredMethods()).anyMatch(m -> m.getName().equals(method)), kernels.group());
    }
    assertTrue(count > 20, named);
  }

  @Test
  void buildsOnceAndAgainWhenSourcesChange() throws IOException, InterruptedException {
    assertTrue(run().err().startsWith("depths: building"));
    assertEquals(1, builds());
    assertFalse(run().err().contains("building"));
    assertEquals(1, builds());
    Files.writeString(home.resolve("loader/src/main/java/New.java"), "class New {}");
    run();
    assertEquals(2, builds());
    Files.delete(home.resolve("loader/src/main/java/New.java"));
    run();
    assertEquals(3, builds());
    run();
    assertEquals(3, builds());
  }

  @Test
  void commandsThatComputeMakeAnArchiveOfClasses() throws IOException, InterruptedException {
    Path app = home.toRealPath().resolve("tools/target/app");
    for (String command : List.of("generate", "chat")) {
      Path archive = app.resolve(command + ".jsa");
      String out = run(command).out();
      assertTrue(out.contains("<-XX:+AutoCreateSharedArchive><-XX:SharedArchiveFile=" + archive
          + "><-Ddepths.archive.mark=" + archive + ".whole>"), out);
    }
    Path archive = app.resolve("generate.jsa");
    String out = run("tokenize").out();
    assertTrue(out.contains("<-Xshare:auto><-XX:SharedArchiveFile=" + archive + ">"), out);
    assertFalse(out.contains("depths.archive.mark"), out);
  }

  @Test
  void anArchiveIsKeptThatACommandMarkedAsWhole() throws IOException, InterruptedException {
    run("generate");
    Path archive = home.resolve("tools/target/app/generate.jsa");
    Path mark = home.resolve("tools/target/app/generate.jsa.whole");
    Files.writeString(archive, "classes of a command that failed");
    run("generate");
    assertFalse(Files.exists(archive));
    Files.writeString(archive, "classes");
    Files.writeString(mark, "");
    assertFalse(run("generate").out().contains("depths.archive.mark"));
    assertTrue(Files.exists(archive));
    // A later build has other classes, and the JVM would not write the archive anew.
    Files.writeString(home.resolve("loader/src/main/java/Newer.java"), "class Newer {}");
    run("generate");
    assertFalse(Files.exists(archive));
    assertFalse(Files.exists(mark));
  }

  @Test
  void twoAtOnceBuildOnce() throws IOException, InterruptedException {
    Path first = directory.resolve("first");
    Path second = directory.resolve("second");
    Process one = start(home.resolve("depths"), first);
    Process two = start(home.resolve("depths"), second);
    assertEquals(7, finish(one, first).code());
    assertEquals(7, finish(two, second).code());
    assertEquals(1, builds());
  }

  @Test
  void failedBuildIsTriedAgain() throws IOException, InterruptedException {
    Path mvn = directory.resolve("bin/mvn");
    String working = Files.readString(mvn);
    Files.writeString(mvn, "#!/bin/sh\necho broken >&2\nexit 1\n");
    Run run = run();
    assertEquals(1, run.code());
    assertTrue(run.err().endsWith("broken\ndepths: the build failed (see above)\n"), run.err());
    Files.writeString(mvn, working);
    assertEquals(7, run().code());
    assertEquals(1, builds());
  }

  @Test
  void missingMavenIsTold() throws IOException, InterruptedException {
    Path tools = directory.resolve("tools");
    for (String tool : List.of("bash", "find", "head", "mkdir", "touch", "mv", "grep", "flock", "perl", "dirname")) {
      for (String place : List.of("/usr/bin/", "/bin/")) {
        if (Files.exists(Path.of(place + tool))) {
          script(tools.resolve(tool), "exec " + place + tool + " \"$@\"");
        }
      }
    }
    environment.put("PATH", tools.toString());
    Run run = run();
    assertEquals(1, run.code());
    assertEquals("depths: Maven (mvn) is not on the PATH; it builds Depths at the first start\n", run.err());
  }

  @Test
  void worksThroughLinks() throws IOException, InterruptedException {
    Path bin = Files.createDirectories(directory.resolve("links"));
    Files.createSymbolicLink(bin.resolve("first"), home.resolve("depths"));
    Files.createSymbolicLink(bin.resolve("second"), Path.of("first"));
    assertTrue(run(bin.resolve("second"), "x").out().contains("<-Ddepths.home=" + home.toRealPath() + "/"));
  }

  @Test
  void jdkOfAnotherVersionIsPassedOver() throws IOException, InterruptedException {
    jdk("old", "17.0.15", "exit 17");
    jdk("ancient", "2.5", "exit 2");
    environment.put("JAVA_HOME", directory.resolve("old").toString());
    environment.put("JAVA_HOME_25", directory.resolve("ancient").toString());
    environment.put("JDK25", directory.resolve("jdk").toString());
    assertEquals(7, run().code());
  }

  @Test
  void jdkOnThePathIsFoundThroughItsLink() throws IOException, InterruptedException {
    environment.remove("JAVA_HOME");
    Files.createSymbolicLink(directory.resolve("bin/java"), directory.resolve("jdk/bin/java"));
    assertEquals(7, run().code());
  }

  @Test
  void jvmsWarningIsFilteredAndNothingElse() throws IOException, InterruptedException {
    run();
    Run run = run();
    assertFalse(run.err().contains("WARNING"), run.err());
    assertEquals(List.of("from the application", "other words"), run.err().lines().sorted().toList());
  }

  @Test
  void asciiLocaleBecomesUtf8() throws IOException, InterruptedException {
    environment.put("LC_ALL", "C");
    assertTrue(run().out().endsWith(" C.UTF-8\n"));
    environment.remove("LC_ALL");
    assertTrue(run().out().endsWith(" C.UTF-8\n"));
    environment.put("LANG", "C.UTF-8");
    assertTrue(run().out().endsWith("> \n"));
  }

  @Test
  void commitIsRead() throws IOException, InterruptedException {
    Files.createDirectories(home.resolve(".git/refs/heads"));
    Files.writeString(home.resolve(".git/HEAD"), "ref: refs/heads/main\n");
    Files.writeString(home.resolve(".git/packed-refs"), "# pack-refs\nabc123 refs/heads/main\n", StandardCharsets.UTF_8);
    assertTrue(run().out().contains("<-Ddepths.commit=abc123>"));
    Files.writeString(home.resolve(".git/refs/heads/main"), "def456\n");
    assertTrue(run().out().contains("<-Ddepths.commit=def456>"));
    Files.writeString(home.resolve(".git/HEAD"), "789abc\n");
    assertTrue(run().out().contains("<-Ddepths.commit=789abc>"));
  }
}
