package dev.depths.tools;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** The command that holds the others. */
@Command(
    name = "depths",
    description = "Runs Mixture-of-Depths language models.",
    mixinStandardHelpOptions = true,
    versionProvider = DepthsCommand.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    commandListHeading = "%nCommands:%n",
    footer = {
      "",
      "Without -m FILE a small default model is used; it is fetched once.",
      "Examples:",
      "  depths generate \"The lighthouse keeper opened the door and\"",
      "  depths chat",
      "  depths generate --help"
    })
final class DepthsCommand implements Runnable {
  @Spec
  CommandSpec spec;

  @Override
  public void run() {
    throw new CommandLine.ParameterException(spec.commandLine(), "a command is missing");
  }

  /** The version of the application, of its sources and of the JDK. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"depths " + number() + " (" + commit() + "), JDK " + Runtime.version()};
    }

    static String number() {
      String version = Version.class.getPackage().getImplementationVersion();
      return version == null ? "development" : version;
    }

    /** The sources' commit as the launcher read it. */
    static String commit() {
      return System.getProperty("depths.commit", "unknown");
    }
  }
}
