package dev.depths.loader;

/** A well-formed file that asks for something Depths does not do: an architecture, a data type, a MoD variant. */
public final class UnsupportedModelException extends LoadException {
  private static final long serialVersionUID = 1L;

  /**
   * @param file the file's name
   * @param what what is not supported, by name, and what is
   */
  public UnsupportedModelException(Object file, String what) {
    super(file + ": " + what);
  }
}
