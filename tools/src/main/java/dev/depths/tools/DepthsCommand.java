package dev.depths.tools;

/** The command that holds the others. */
final class DepthsCommand extends Command {
  DepthsCommand(Streams streams) {
    super(streams, "depths", "Runs Mixture-of-Depths language models.",
        "",
        "Without -m FILE a small default model is used; it is fetched once.",
        "Examples:",
        "  depths generate \"The lighthouse keeper opened the door and\"",
        "  depths chat",
        "  depths generate --help");
    spec.usageMessage().synopsisSubcommandLabel("COMMAND").commandListHeading("%nCommands:%n");
  }

  @Override
  public Integer call() {
    throw usage("a command is missing");
  }
}
