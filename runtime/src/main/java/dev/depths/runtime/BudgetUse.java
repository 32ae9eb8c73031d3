package dev.depths.runtime;

/**
 * How a session kept its budget.
 *
 * @param millis the budget: the time of a decoded token, in milliseconds
 * @param tokens decoded
 * @param meanMillis the time that they took on average
 * @param leastCapacity the lowest capacity in use meanwhile
 * @param mostCapacity the highest
 * @param mean the setting of the average capacity
 */
public record BudgetUse(
    double millis, long tokens, double meanMillis, double leastCapacity, double mostCapacity, Setting mean) {}
