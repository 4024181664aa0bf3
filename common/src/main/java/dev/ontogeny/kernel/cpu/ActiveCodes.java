package dev.ontogeny.kernel.cpu;

import java.util.Arrays;

/**
 * The active latents of a batch, first by row, then gathered by latent, with the gradients of their
 * codes. Among them may be some that do not fire, but matter to their threshold: those stand behind
 * the others of their row, and are dropped from their latent by {@link #keep}. Where latents are
 * gated by source, a code has a gradient for each source.
 */
final class ActiveCodes {
  private static final int ALL = -1;

  private final BatchCodes arena;

  /** Gradients of an entry that stand side by side: one, or one for each source. */
  private final int parts;

  /** By block of rows, [entries, parts]. */
  private final float[][] gradients;

  /** Entries of a row that fire, or {@link #ALL}. */
  private final int[] firing;

  // By latent: latent f owns [starts[f], ends[f]), rows ascending.
  private final int[] starts;
  private final int[] ends;
  private int[] rowOf = new int[0];
  private float[] rawValues = new float[0];
  private float[] scaledValues = new float[0];
  private float[] scaledGradients = new float[0];

  /** The place of an entry in its block of rows, where it has several gradients. */
  private int[] slotOf = new int[0];

  private float factor;

  /**
   * @param perRow latents of a row to make room for
   * @param parts 1, or the number of sources where latents are gated by source
   */
  ActiveCodes(int rows, int blockRows, int width, int perRow, int parts) {
    this.arena = new BatchCodes(rows, blockRows, width, perRow);
    this.parts = parts;
    this.gradients = new float[arena.values.length][0];
    this.firing = new int[rows];
    this.starts = new int[width + 1];
    this.ends = new int[width];
    makeRoom(Math.multiplyExact(rows, Math.min(perRow, width)));
  }

  private void makeRoom(int total) {
    if (rowOf.length < total) {
      int room = Math.max(total, rowOf.length + (rowOf.length >> 2));
      rowOf = new int[room];
      rawValues = new float[room];
      scaledValues = new float[room];
      scaledGradients = new float[room];
      slotOf = new int[parts > 1 ? room : 0];
    }
  }

  BatchCodes arena() {
    return arena;
  }

  /** Takes over what was selected for a row. */
  void set(int row, RowSelection selection, int count) {
    arena.set(row, selection, count, false);
    firing[row] = ALL;
  }

  /** Brings the entries of a row that are above the bar of their latent to the front. */
  void firingFirst(int row, float[] bars) {
    int[] latents = arena.latents[arena.block(row)];
    float[] values = arena.values[arena.block(row)];
    int into = arena.from(row);
    int to = arena.to(row);
    for (int slot = into; slot < to; slot++) {
      int latent = latents[slot];
      float value = values[slot];
      if (value > bars[latent]) {
        latents[slot] = latents[into];
        values[slot] = values[into];
        latents[into] = latent;
        values[into++] = value;
      }
    }
    firing[row] = into - arena.from(row);
  }

  /** Entries of a row that fire, which stand in front. */
  int firing(int row) {
    return firing[row] == ALL ? arena.to(row) - arena.from(row) : firing[row];
  }

  /** Writes the codes of a row that count for a part into zeros, [F] from {@code at} on. */
  void scatterRow(int row, SourceGates gates, int part, float[] into, int at) {
    int[] latents = arena.latents[arena.block(row)];
    float[] values = arena.values[arena.block(row)];
    int from = arena.from(row);
    int end = from + firing(row);
    for (int slot = from; slot < end; slot++) {
      if (gates == null || values[slot] > gates.bar(latents[slot], part)) {
        into[at + latents[slot]] = values[slot];
      }
    }
  }

  /** Takes the gradients of a row's entries for a part out of those of all latents. */
  void gatherGradients(int row, int part, float[] ofLatents, int at) {
    int[] latents = arena.latents[arena.block(row)];
    float[] into = gradients(arena.block(row));
    int end = arena.to(row);
    for (int slot = arena.from(row); slot < end; slot++) {
      into[slot * parts + part] = ofLatents[at + latents[slot]];
    }
  }

  /** Writes the scaled codes of a latent that count for a part into zeros, [n]. */
  void scatterLatent(int latent, SourceGates gates, int part, float[] into, int at) {
    float bar = gates == null ? 0 : gates.bar(latent, part);
    for (int j = starts[latent]; j < ends[latent]; j++) {
      if (rawValues[j] > bar) {
        into[at + rowOf[j]] = scaledValues[j];
      }
    }
  }

  /** Writes the gradients of a latent's codes into zeros, [n]. */
  void scatterGradients(int latent, float[] into, int at) {
    for (int j = starts[latent]; j < ends[latent]; j++) {
      into[at + rowOf[j]] = scaledGradients[j];
    }
  }

  /** Row {@code row} of {@code into} = code · decoder. */
  void decode(Loops loops, int row, float[] decoder, int outputs, float[] into) {
    int block = arena.block(row);
    int from = arena.from(row);
    loops.weightedSum(
        decoder,
        outputs,
        arena.latents[block],
        arena.values[block],
        from,
        from + firing(row),
        true,
        into,
        row * outputs);
  }

  /** The same where latents are gated by source. */
  void decode(
      Loops loops,
      int row,
      float[] decoder,
      int outputs,
      SourceGates gates,
      EntriesOfPart open,
      float[] into) {
    int block = arena.block(row);
    int from = arena.from(row);
    gates.decode(
        loops,
        decoder,
        arena.latents[block],
        arena.values[block],
        from,
        from + firing(row),
        open,
        into,
        row * outputs);
  }

  /** Those entries of a row that fire and belong to a part of the latents. */
  void firingOf(int row, int[] partOf, int part, EntriesOfPart into) {
    int[] latents = arena.latents[arena.block(row)];
    float[] values = arena.values[arena.block(row)];
    int from = arena.from(row);
    int end = from + firing(row);
    into.clear();
    for (int slot = from; slot < end; slot++) {
      if (partOf[latents[slot]] == part) {
        into.add(latents[slot], values[slot], slot);
      }
    }
  }

  /** Gradients of the codes of a row that belong to a part of the latents, up to a factor. */
  void pullBack(
      Loops loops,
      int row,
      float[] decoder,
      int outputs,
      int[] partOf,
      int part,
      EntriesOfPart own,
      float[] upstream) {
    int block = arena.block(row);
    int[] latents = arena.latents[block];
    float[] into = gradients(block);
    int to = arena.to(row);
    own.clear();
    for (int slot = arena.from(row); slot < to; slot++) {
      if (partOf[latents[slot]] == part) {
        own.add(latents[slot], 0, slot);
      }
    }
    float[] products = own.dots(loops, decoder, outputs, 0, outputs, upstream, row * outputs);
    for (int j = 0; j < own.count(); j++) {
      into[own.slot(j)] = products[j];
    }
  }

  private float[] gradients(int block) {
    int room = Math.multiplyExact(arena.values[block].length, parts);
    if (gradients[block].length < room) {
      gradients[block] = new float[room];
    }
    return gradients[block];
  }

  /**
   * Gradients of the codes of a row at each source up to a factor, where they matter to the code or
   * its threshold.
   *
   * @param lowest of h = code · ‖d^s‖ that matters, by latent
   */
  void pullBack(
      Loops loops,
      int row,
      float[] decoder,
      int outputs,
      SourceGates gates,
      float[] lowest,
      EntriesOfPart open,
      float[] upstream) {
    int block = arena.block(row);
    float[] into = gradients(block);
    int[] latents = arena.latents[block];
    float[] values = arena.values[block];
    int from = arena.from(row);
    int to = arena.to(row);
    for (int s = 0; s < parts; s++) {
      open.clear();
      for (int slot = from; slot < to; slot++) {
        int latent = latents[slot];
        if (values[slot] * gates.norm(latent, s) > lowest[latent]) {
          open.add(latent, 0, slot);
        }
      }
      int first = gates.first(s);
      float[] products =
          open.dots(
              loops, decoder, outputs, first, gates.columns(s), upstream, row * outputs + first);
      for (int j = 0; j < open.count(); j++) {
        into[open.slot(j) * parts + s] = products[j];
      }
    }
  }

  /** Gradients of the codes of a row up to a factor: decoder rows · row of {@code upstream}. */
  void pullBack(Loops loops, int row, float[] decoder, int outputs, float[] upstream) {
    int block = arena.block(row);
    loops.dots(
        decoder,
        outputs,
        arena.latents[block],
        arena.from(row),
        arena.to(row),
        upstream,
        row * outputs,
        gradients(block));
  }

  /** Gathers by latent what rows hold, values and gradients times {@code factor}. */
  void gatherByLatent(int rows, float factor) {
    this.factor = factor;
    Arrays.fill(starts, 0);
    int width = starts.length - 1;
    for (int row = 0; row < rows; row++) {
      int[] latents = arena.latents[arena.block(row)];
      int to = arena.to(row);
      for (int slot = arena.from(row); slot < to; slot++) {
        starts[latents[slot] + 1]++;
      }
    }
    for (int latent = 0; latent < width; latent++) {
      starts[latent + 1] += starts[latent];
    }
    makeRoom(starts[width]);
    for (int row = 0; row < rows; row++) {
      int block = arena.block(row);
      int[] latents = arena.latents[block];
      float[] values = arena.values[block];
      float[] slopes = gradients[block];
      int end = arena.to(row);
      for (int slot = arena.from(row); slot < end; slot++) {
        int to = starts[latents[slot]]++;
        rowOf[to] = row;
        rawValues[to] = values[slot];
        scaledValues[to] = values[slot] * factor;
        if (parts == 1) {
          scaledGradients[to] = slopes[slot] * factor;
        } else {
          slotOf[to] = slot;
        }
      }
    }
    // Each start has moved on to the next latent's: move them back.
    System.arraycopy(starts, 0, starts, 1, width);
    starts[0] = 0;
    System.arraycopy(starts, 1, ends, 0, width);
  }

  /** Where a latent's entries begin in {@link #codes} and {@link #codeGradients}. */
  int from(int latent) {
    return starts[latent];
  }

  int to(int latent) {
    return ends[latent];
  }

  /**
   * Moves an entry of a latent forward, with another gradient.
   *
   * @param into where to, not behind {@code at}
   */
  void move(int at, int into, float gradient) {
    rowOf[into] = rowOf[at];
    rawValues[into] = rawValues[at];
    scaledValues[into] = scaledValues[at];
    scaledGradients[into] = gradient;
  }

  /** Drops the entries of a latent from {@code end} on. */
  void keep(int latent, int end) {
    ends[latent] = end;
  }

  /** Where the gradients of an entry at the sources begin in {@link #sourceGradients}. */
  int sourceGradientsAt(int at) {
    return slotOf[at] * parts;
  }

  /** Gradients at the sources of the block of rows in which an entry is, up to the factor. */
  float[] sourceGradients(int at) {
    return gradients[arena.block(rowOf[at])];
  }

  /** The factor of the last {@link #gatherByLatent}. */
  float factor() {
    return factor;
  }

  /** Codes by latent, as they were selected. */
  float[] codes() {
    return rawValues;
  }

  /** Gradients of the codes by latent; a penalty adds its own. */
  float[] codeGradients() {
    return scaledGradients;
  }

  /** Rows in which a latent has an entry. */
  int firings(int latent) {
    return ends[latent] - starts[latent];
  }

  float sumOfCodeGradients(int latent) {
    float sum = 0;
    for (int at = starts[latent]; at < ends[latent]; at++) {
      sum += scaledGradients[at];
    }
    return sum;
  }

  /** Row {@code latent} of {@code into} (+)= Σ code · upstream row. */
  void weightGradient(
      Loops loops, int latent, float[] upstream, int outputs, boolean fresh, float[] into) {
    loops.weightedSum(
        upstream,
        outputs,
        rowOf,
        scaledValues,
        starts[latent],
        ends[latent],
        fresh,
        into,
        latent * outputs);
  }

  /** Row {@code latent} of {@code into} = Σ code · upstream row, where it is open at a source. */
  void weightGradient(
      Loops loops,
      int latent,
      float[] upstream,
      int outputs,
      SourceGates gates,
      EntriesOfPart open,
      float[] into) {
    for (int s = 0; s < parts; s++) {
      float bar = gates.bar(latent, s);
      open.clear();
      for (int at = starts[latent]; at < ends[latent]; at++) {
        if (rawValues[at] > bar) {
          open.add(rowOf[at], scaledValues[at], at);
        }
      }
      int first = gates.first(s);
      open.weightedSum(
          loops, upstream, outputs, first, gates.columns(s), into, latent * outputs + first);
    }
  }

  /** Row {@code latent} of {@code into} (+)= Σ gradient of the code · input row. */
  void encoderGradient(
      Loops loops, int latent, float[] rows, int inputs, boolean fresh, float[] into) {
    loops.weightedSum(
        rows,
        inputs,
        rowOf,
        scaledGradients,
        starts[latent],
        ends[latent],
        fresh,
        into,
        latent * inputs);
  }
}
