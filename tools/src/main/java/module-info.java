/** The command line. */
module dev.depths.tools {
  requires dev.depths.runtime;
  requires info.picocli;
  requires com.fasterxml.jackson.databind;
}
