package dev.depths.runtime;

import java.util.BitSet;

/**
 * One generated token.
 *
 * @param text text that became certain with this token: empty while a UTF-8 character or a possible stop text is
 *     unfinished, and for end-of-generation tokens
 * @param id the token
 * @param logProbability natural logarithm of the token's probability under the model, before any sampling filter
 * @param blocksRun the blocks that computed the position which this token was drawn from
 */
public record GeneratedToken(String text, int id, float logProbability, BitSet blocksRun) {}
