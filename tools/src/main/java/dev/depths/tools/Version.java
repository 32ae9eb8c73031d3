package dev.depths.tools;

import picocli.CommandLine.IVersionProvider;

/** The version of the application, of its sources and of the JDK. */
final class Version implements IVersionProvider {
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
