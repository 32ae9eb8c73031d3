package dev.depths.runtime;

/** Receives a generation as it happens, on the generating thread. */
@FunctionalInterface
public interface TokenListener {
  /** Called once per generated token, in order. May call {@link Session#cancel()}. */
  void onToken(GeneratedToken token);
}
