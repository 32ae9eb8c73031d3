package dev.depths.loader;

/** A file that breaks its own format's rules: truncated, inconsistent, or hostile. */
public final class MalformedFileException extends LoadException {
  private static final long serialVersionUID = 1L;

  /**
   * @param file the file's name
   * @param where the offset or key at which the rule is broken
   * @param problem what was found and what was expected
   */
  public MalformedFileException(Object file, String where, String problem) {
    super(file + ": " + where + ": " + problem);
  }

  /** As above, with the underlying failure. */
  public MalformedFileException(Object file, String where, String problem, Throwable cause) {
    super(file + ": " + where + ": " + problem, cause);
  }
}
