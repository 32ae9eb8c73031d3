package dev.depths.runtime;

import dev.depths.loader.ModelConfig;
import dev.depths.runtime.kernel.Kernels;
import java.lang.foreign.Arena;

/**
 * A block's attention half on a tile: norm, projections, RoPE, caches, attention, output projection, whose product is owed
 * to the residual stream afterwards.
 */
final class Attention {
  private final ModelConfig config;
  private final Workers workers;
  private final boolean compacted;
  private final ProjectionJob projection;
  private final PrepareJob prepare;
  private final RotateJob rotate;
  private final AttentionJob attention;
  private final DecodeAttention decodeAttention;

  /** @param compacted whether RoPE counts the positions that a block computed, not those of the sequence */
  Attention(Model model, ProjectionJob projection, PrepareJob prepare, boolean compacted, Arena arena) {
    Kernels kernels = model.kernels();
    this.config = model.config();
    this.workers = model.workers();
    this.compacted = compacted;
    this.projection = projection;
    this.prepare = prepare;
    this.rotate = new RotateJob(kernels, config, model.rope());
    this.attention = new AttentionJob(kernels, config, workers.shares(), arena);
    this.decodeAttention = new DecodeAttention(new RowAttention(kernels, config), workers);
  }

  /** Rows of a tile that leave keys and values and attend. */
  void run(int b, AttentionWeights w, float[] h, Tile tile, PassRows pass, TileRows rows) {
    int n = rows.count();
    place(b, tile, pass, rows);
    append(b, tile, pass, rows);
    workers.run(prepare.of(tile, n, h, 0, config.embedding()).norm(w.norm()).inputOf(w.qkv(), tile.normed), n);
    workers.run(projection.of(w.qkv(), tile.normed, tile, n).to(0, tile.q, tile.qStride).to(1, tile.k, tile.kvStride)
        .to(2, tile.v, tile.kvStride));
    workers.run(rotate.of(b, w, tile, pass, rows, true, true), n);
    attend(b, w, h, tile, pass, rows);
  }

  /** Keys and values alone, of all rows of a pass, some of which attend afterwards. The tile holds their norms then. */
  void keysAndValues(int b, AttentionWeights w, float[] x, Tile tile, PassRows pass, TileRows all) {
    int n = all.count();
    place(b, tile, pass, all);
    append(b, tile, pass, all);
    workers.run(prepare.of(tile, n, x, 0, config.embedding()).norm(w.norm()).inputOf(w.keyValue(), tile.normed), n);
    workers.run(projection.of(w.keyValue(), tile.normed, tile, n).to(0, tile.k, tile.kvStride)
        .to(1, tile.v, tile.kvStride));
    workers.run(rotate.of(b, w, tile, pass, all, false, true), n);
  }

  /** Rows of a tile that attend, their keys and values being in the cache with those of all others. */
  void queries(int b, AttentionWeights w, float[] h, Tile tile, PassRows pass, TileRows rows) {
    int n = rows.count();
    for (int r = 0; r < n; r++) {
      int position = pass.position(rows.sequence[r], rows.row[r]);
      tile.ropePosition[r] = position;
      tile.visible[r] = position + 1;
    }
    workers.run(prepare.of(tile, n, h, 0, config.embedding()).norm(w.norm()).inputOf(w.query(), tile.normed), n);
    workers.run(projection.of(w.query(), tile.normed, tile, n).to(0, tile.q, tile.qStride));
    workers.run(rotate.of(b, w, tile, pass, rows, true, false), n);
    attend(b, w, h, tile, pass, rows);
  }

  /** Where rows go in the caches of their sequences: behind what these hold. */
  private void place(int b, Tile tile, PassRows pass, TileRows rows) {
    for (int i = 0; i < pass.size(); i++) {
      int held = pass.sequence(i).kv(b).count();
      for (int r = rows.start(i); r < rows.start(i + 1); r++) {
        int slot = held + r - rows.start(i);
        tile.position[r] = pass.position(i, rows.row[r]);
        tile.slot[r] = slot;
        tile.visible[r] = slot + 1;
        tile.ropePosition[r] = compacted ? slot : tile.position[r];
      }
    }
  }

  private static void append(int b, Tile tile, PassRows pass, TileRows rows) {
    for (int i = 0; i < pass.size(); i++) {
      pass.sequence(i).kv(b).append(tile.position, rows.start(i), rows.start(i + 1) - rows.start(i));
    }
  }

  private void attend(int b, AttentionWeights w, float[] h, Tile tile, PassRows pass, TileRows rows) {
    int n = rows.count();
    if (n == 1 && workers.size() > 1 && tile.visible[0] >= DecodeAttention.MIN_POSITIONS) {
      decodeAttention.run(pass.sequence(rows.sequence[0]).kv(b), tile);
    } else {
      workers.run(attention.of(b, tile, pass, rows));
    }
    workers.run(prepare.of(tile, n, h, 0, config.embedding()).inputOf(w.output(), tile.attended), n);
    workers.run(projection.of(w.output(), tile.attended, tile, n).to(0, tile.out, tile.outStride));
    tile.owed = true;
  }
}
