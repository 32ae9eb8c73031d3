package dev.depths.runtime;

/**
 * What scores the tokens for a routed part of a block.
 *
 * @param router gives the scores of which gates are made, and by which top-k and thresholds choose
 * @param predictor gives scores to choose by instead; or null
 */
record PartRouter(Router router, Router predictor) {}
