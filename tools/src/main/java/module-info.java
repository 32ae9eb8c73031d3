/** The command line. */
module dev.depths.tools {
  requires dev.depths.runtime;
  requires info.picocli;
  requires com.fasterxml.jackson.databind;
  requires me.tongfei.progressbar;
  requires org.jline.reader;
  requires org.jline.terminal;
  requires jdk.unsupported;
}
