package dev.ontogeny.stats;

import dev.ontogeny.matrix.SparseCodes;
import java.util.Arrays;

/**
 * The codes of a block of rows, turned: feature f fires in {@code rows[starts[f] .. starts[f+1])},
 * ascending, with the codes at the same places of {@code values}.
 *
 * <p>Bytes: {@code 'B' 1}, the number of rows and of features, then per feature the number of its
 * rows, and for each the distance from the one before and its code.
 */
public final class CodesByFeature {
  private static final int TAG = 'B';
  private static final int VERSION = 1;

  private final int blockRows;
  private final int[] starts;
  private final int[] rows;
  private final float[] values;

  private CodesByFeature(int blockRows, int[] starts, int[] rows, float[] values) {
    this.blockRows = blockRows;
    this.starts = starts;
    this.rows = rows;
    this.values = values;
  }

  /** Bytes in memory. */
  public static long memory(int features, long size) {
    return 4L * features + 8L * size;
  }

  /** Collects batches of rows. */
  public static final class Builder {
    private final int features;
    private int blockRows;
    private int size;
    private int[] rowOf = new int[0];
    private int[] featureOf = new int[0];
    private float[] valueOf = new float[0];

    public Builder(int features) {
      this.features = features;
    }

    /** Bytes in memory while collecting and turning that many codes. */
    public static long memory(int features, long size) {
      return 18L * size + CodesByFeature.memory(features, size);
    }

    /** The next rows. */
    public void add(SparseCodes codes) {
      int[] from = codes.starts();
      int end = Math.addExact(size, codes.size());
      if (end > rowOf.length) {
        int room = Math.max(end, rowOf.length + (rowOf.length >> 1));
        rowOf = Arrays.copyOf(rowOf, room);
        featureOf = Arrays.copyOf(featureOf, room);
        valueOf = Arrays.copyOf(valueOf, room);
      }
      System.arraycopy(codes.indices(), 0, featureOf, size, codes.size());
      System.arraycopy(codes.values(), 0, valueOf, size, codes.size());
      for (int r = 0; r < codes.rows(); r++) {
        Arrays.fill(rowOf, size + from[r], size + from[r + 1], blockRows + r);
      }
      size = end;
      blockRows += codes.rows();
    }

    /** All rows, turned by counting; begins anew. */
    public CodesByFeature build() {
      int[] starts = new int[features + 1];
      for (int i = 0; i < size; i++) {
        starts[featureOf[i] + 1]++;
      }
      for (int f = 0; f < features; f++) {
        starts[f + 1] += starts[f];
      }
      int[] next = Arrays.copyOf(starts, features);
      int[] rows = new int[size];
      float[] values = new float[size];
      for (int i = 0; i < size; i++) {
        int at = next[featureOf[i]]++;
        rows[at] = rowOf[i];
        values[at] = valueOf[i];
      }
      CodesByFeature built = new CodesByFeature(blockRows, starts, rows, values);
      size = 0;
      blockRows = 0;
      return built;
    }
  }

  /** The number of rows of the block. */
  public int blockRows() {
    return blockRows;
  }

  public int features() {
    return starts.length - 1;
  }

  /** The number of rows where a feature fires. */
  public int count(int feature) {
    return starts[feature + 1] - starts[feature];
  }

  /** Where the rows of a feature begin; those of the next feature begin where they end. */
  public int start(int feature) {
    return starts[feature];
  }

  public int[] rows() {
    return rows;
  }

  public float[] values() {
    return values;
  }

  /** The code of a feature in a row, 0 where it does not fire. */
  public float at(int feature, int row) {
    int found = Arrays.binarySearch(rows, starts[feature], starts[feature + 1], row);
    return found < 0 ? 0 : values[found];
  }

  /** Rows where a feature fires here and in {@code other}, codes of the same rows. */
  public int both(int feature, CodesByFeature other) {
    return both(feature, other, feature);
  }

  /** Rows where a feature fires here and another in {@code other}, codes of the same rows. */
  public int both(int feature, CodesByFeature other, int otherFeature) {
    int both = 0;
    int mine = starts[feature];
    int its = other.starts[otherFeature];
    while (mine < starts[feature + 1] && its < other.starts[otherFeature + 1]) {
      int order = Integer.compare(rows[mine], other.rows[its]);
      both += order == 0 ? 1 : 0;
      mine += order <= 0 ? 1 : 0;
      its += order >= 0 ? 1 : 0;
    }
    return both;
  }

  public void write(StatisticOutput out) {
    out.header(TAG, VERSION);
    out.writeCompact(blockRows);
    out.writeCompact(features());
    for (int f = 0; f < features(); f++) {
      out.writeCompact(starts[f + 1] - starts[f]);
      int before = 0;
      for (int i = starts[f]; i < starts[f + 1]; i++) {
        out.writeCompact(rows[i] - before);
        before = rows[i];
      }
      for (int i = starts[f]; i < starts[f + 1]; i++) {
        out.writeFloat(values[i]);
      }
    }
  }

  /** What {@link #write} wrote. */
  public static CodesByFeature read(StatisticInput in) {
    in.header(TAG, VERSION);
    int blockRows = in.readCompactInt();
    int features = in.readCompactInt();
    int[] starts = new int[features + 1];
    int[] rows = new int[1 << 10];
    float[] values = new float[1 << 10];
    for (int f = 0; f < features; f++) {
      int end = starts[f] + in.readCompactInt();
      if (end > rows.length) {
        int room = Math.max(end, 2 * rows.length);
        rows = Arrays.copyOf(rows, room);
        values = Arrays.copyOf(values, room);
      }
      int row = 0;
      for (int i = starts[f]; i < end; i++) {
        row += in.readCompactInt();
        rows[i] = row;
      }
      for (int i = starts[f]; i < end; i++) {
        values[i] = in.readFloat();
      }
      starts[f + 1] = end;
    }
    return new CodesByFeature(blockRows, starts, rows, values);
  }
}
