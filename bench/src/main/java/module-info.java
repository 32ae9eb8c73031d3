/** JMH benchmarks: kernels, the routed block, end to end. */
module dev.depths.bench {
  requires dev.depths.runtime;
}
