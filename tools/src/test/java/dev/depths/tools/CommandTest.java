package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What all commands have in common: help, versions, usage errors, failures. */
class CommandTest {
  private static final List<String> COMMANDS =
      List.of("generate", "chat", "inspect", "convert", "tokenize", "logits", "route", "bench", "perplexity",
          "completion");

  @TempDir
  Path directory;

  @Test
  void helpGoesToStandardOutput() {
    CommandRun run = CommandRun.of("--help");
    assertEquals(0, run.code());
    COMMANDS.forEach(command -> assertTrue(run.out().contains("  " + command), command));
    assertEquals("", run.err());
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "generate", "chat", "inspect", "convert", "tokenize", "logits", "route", "bench", "perplexity", "completion"
  })
  void everyCommandHasHelpWithExamples(String command) {
    CommandRun run = CommandRun.of(command, "--help");
    assertEquals(0, run.code());
    assertTrue(run.out().startsWith("Usage: depths " + command));
    assertTrue(run.out().contains("Example"), run.out());
    assertEquals("", run.err());
  }

  @Test
  void versionNamesTheJdk() {
    CommandRun run = CommandRun.of("--version");
    assertEquals(0, run.code());
    assertTrue(run.out().matches("depths \\S+ \\(\\S+\\), JDK 25\\S*\\R"), run.out());
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "", "nonsense", "generate", "generate --nonsense x", "generate -n x y", "generate a b", "generate -f x y",
    "generate --top-k -1 x", "generate --top-p 0 x", "generate --min-p 2 x", "generate --repeat-penalty 0 x",
    "generate -n -2 x", "generate -t 0 x", "generate --ctx -1 x", "generate --json --show-routing x",
    "generate --parallel 2 --show-routing x", "generate --adapter a --no-adapter x", "chat x",
    "chat --temp", "inspect a b", "convert", "convert a", "convert a b c", "convert --type q6_k a b", "tokenize", "logits x", "logits --out x", "logits --tokens 1 --out x y",
    "route", "route x y", "route -f x y", "route --selection best x", "route -o map.txt x", "route -o html x", "route -t 0 x",
    "route --adapter a --no-adapter x",
    "bench -o xml", "bench -p -1", "bench -t 0", "bench -r 0", "bench --routing random", "bench --routing random:2",
    "bench --routing random:0.5:x", "bench -p 1,x", "bench x", "perplexity", "perplexity x", "perplexity -f x y",
    "perplexity -f x -c 2", "perplexity -f x -b 0", "perplexity -f x --chunks 0", "perplexity -f x -o csv",
    "perplexity -f x -t 0", "perplexity -f x --routing random:2", "perplexity -f x --adapter a --no-adapter"
  })
  void usageErrorsAreOneLineAndStatusTwo(String line) {
    CommandRun run = CommandRun.of((Object[]) (line.isEmpty() ? new String[0] : line.split(" ")));
    assertEquals(2, run.code(), run.err());
    assertTrue(run.err().matches("depths[^\\r\\n]* \\(see 'depths[ a-z]* --help'\\)\\R"), run.err());
    assertEquals("", run.out());
  }

  @Test
  void messagesNameTheOptionAsItIsWritten() {
    assertTrue(CommandRun.of("generate", "--top-k", "-1", "x").err().contains("--top-k must not be negative"));
  }

  @Test
  void similarCommandsAreNamed() {
    assertEquals("depths: there is no command 'benhc', did you mean 'bench'? (see 'depths --help')\n",
        CommandRun.of("benhc").err());
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "generate -m MISSING x", "chat -m MISSING", "inspect MISSING", "tokenize -m MISSING x",
    "logits -m MISSING --tokens 1 --out x.npy", "bench -m MISSING", "route -m MISSING x", "route -m TEXT x",
    "route -f MISSING", "generate -m TEXT x", "inspect TEXT",
    "inspect ADAPTER", "convert MISSING DIRECTORY/x", "convert TEXT DIRECTORY/x", "convert ADAPTER DIRECTORY/x",
    "convert MISSING TEXT", "convert MISSING DIRECTORY", "generate -m MISSING -f MISSING", "generate -f DIRECTORY", "perplexity -f MISSING",
    "perplexity -f DIRECTORY", "perplexity -m MISSING -f TEXT", "perplexity -m TEXT -f TEXT"
  })
  void filesThatCannotBeUsedAreOneLineAndStatusOne(String line) throws IOException {
    Path text = Files.writeString(directory.resolve("text"), "This is no model.");
    Path adapter = Files.writeString(directory.resolve("a.safetensors"), "This is no adapter.");
    Path missing = directory.resolve("missing.gguf");
    String filled = line.replace("MISSING", missing.toString()).replace("TEXT", text.toString())
        .replace("ADAPTER", adapter.toString()).replace("DIRECTORY", directory.toString());
    CommandRun run = CommandRun.of((Object[]) filled.split(" "));
    assertEquals(1, run.code(), run.err());
    assertTrue(run.err().matches("depths [a-z]+: [^\\r\\n]+\\R"), run.err());
    assertTrue(run.err().contains(directory.toString()), run.err());
    assertFalse(run.err().contains("internal error"), run.err());
    assertEquals("", run.out());
  }

  @Test
  void completionIsAScript() {
    CommandRun run = CommandRun.of("completion");
    assertEquals(0, run.code());
    assertTrue(run.out().startsWith("#!"), run.out());
    assertTrue(run.out().contains("complete -F _complete_depths"), run.out());
    COMMANDS.forEach(command -> assertTrue(run.out().contains(command), command));
  }
}
