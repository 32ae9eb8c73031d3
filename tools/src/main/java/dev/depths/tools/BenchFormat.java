package dev.depths.tools;

/** How the benchmark's rows are printed; lower case, as users write them. */
enum BenchFormat {
  md,
  json,
  jsonl,
  csv
}
