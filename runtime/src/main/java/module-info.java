/**
 * Checkpoint to tokens. Open a {@link dev.depths.runtime.Model}, take a {@link dev.depths.runtime.Session} from it, and
 * generate.
 */
module dev.depths.runtime {
  requires transitive dev.depths.loader;
  requires jdk.incubator.vector;
  requires jdk.jfr;
  requires org.agrona;

  exports dev.depths.runtime;
}
