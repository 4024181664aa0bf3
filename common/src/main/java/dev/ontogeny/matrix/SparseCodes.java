package dev.ontogeny.matrix;

import java.util.Arrays;

/**
 * Codes of a batch in compressed rows: row r holds {@code indices[starts[r] .. starts[r+1])},
 * ascending, with their values, none of them zero. Arrays grow as needed and are reused from batch
 * to batch.
 */
public final class SparseCodes {
  private final int features;
  private int rows;
  private int[] starts = new int[1];
  private int[] indices = new int[0];
  private float[] values = new float[0];

  /** Empty codes over {@code features} latents. */
  public SparseCodes(int features) {
    this.features = features;
  }

  public int features() {
    return features;
  }

  public int rows() {
    return rows;
  }

  /**
   * {@code rows + 1} offsets into {@link #indices} and {@link #values}; the array may be longer.
   */
  public int[] starts() {
    return starts;
  }

  public int[] indices() {
    return indices;
  }

  public float[] values() {
    return values;
  }

  public int size() {
    return starts[rows];
  }

  /**
   * Starts over with room for {@code rows} rows and {@code size} entries; contents are undefined
   * until written.
   */
  public void reset(int rows, int size) {
    this.rows = rows;
    if (starts.length < rows + 1) {
      starts = new int[rows + 1];
    }
    starts[0] = 0;
    ensure(size);
  }

  /** Makes room for {@code size} entries, keeping those there are. */
  public void ensure(int size) {
    if (indices.length < size) {
      int room = Math.max(size, indices.length + (indices.length >> 1));
      indices = Arrays.copyOf(indices, room);
      values = Arrays.copyOf(values, room);
    }
  }

  /** The code of a feature in a row, 0 where it does not fire. */
  public float at(int row, int feature) {
    int found = Arrays.binarySearch(indices, starts[row], starts[row + 1], feature);
    return found < 0 ? 0 : values[found];
  }

  /** Becomes those of another's codes that are above a bar of their feature. */
  public void setAbove(SparseCodes codes, float[] bars) {
    reset(codes.rows, codes.size());
    int size = 0;
    for (int row = 0; row < rows; row++) {
      for (int at = codes.starts[row]; at < codes.starts[row + 1]; at++) {
        if (codes.values[at] > bars[codes.indices[at]]) {
          indices[size] = codes.indices[at];
          values[size++] = codes.values[at];
        }
      }
      starts[row + 1] = size;
    }
  }
}
