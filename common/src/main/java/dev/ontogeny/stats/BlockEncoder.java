package dev.ontogeny.stats;

import dev.ontogeny.data.RowBlock;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.SourceRows;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.cpu.RowLoops;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Encodes the rows of a block with all dictionaries of the same sources, and says how well each
 * reconstructs them. The rows are read once, several sources side by side, a batch at a time.
 */
public final class BlockEncoder implements AutoCloseable {
  private final List<Source> sources;
  private final int inputs;
  private final int batchRows;
  private final byte[] weights;
  private final int replicates;
  private final FloatMatrix batch;
  private final FloatMatrix reconstruction;

  /** Beside the batch; null unless it is asked for. */
  private FloatMatrix gradients;

  private final RowLoops.Comparison comparison = new RowLoops.Comparison();
  private final List<Lane> lanes = new ArrayList<>();
  private final List<RowStatistics.Scans> alongside = new ArrayList<>();
  private int filled;
  private int done;

  /** One dictionary at work. */
  private static final class Lane {
    final Dictionary dictionary;
    final EncodingKernel kernel;
    final SparseCodes codes;
    final float[] inputMean;
    final float[] columnScale;
    final int[] columns;

    /** The sources that are reconstructed, by their numbers; what follows is of these. */
    final int[] sources;

    /** By source. */
    final DictionaryStatistics[] statistics;

    /** Whether a mean is subtracted from the columns of a source. */
    final boolean[] centredSources;

    /** By source, what its gates leave of the codes; by source the bars of these. */
    final float[][] bars;

    /** One for all sources, or where they have gates one for each. */
    final CodesByFeature.Builder[] turned;

    final SparseCodes gated;

    /** Of a row: x̃, x̃ − x̃̂ and, where there are several sources, x̃̂. */
    final float[] centred;

    final float[] residual;
    final float[] explained;
    final PresentDirections directions;
    final LatentScaling scaling;

    /** False where nothing but codes is wanted. */
    boolean judged = true;

    Lane(Dictionary dictionary, EncodingKernel kernel, int replicates) {
      sources = dictionary.reconstructed().stream().mapToInt(number -> number).toArray();
      int width = dictionary.width();
      boolean several = sources.length > 1;
      this.dictionary = dictionary;
      this.kernel = kernel;
      codes = new SparseCodes(width);
      gated = new SparseCodes(width);
      inputMean = dictionary.inputMean();
      columnScale = dictionary.columnScale();
      columns = dictionary.sourceColumns();
      statistics = new DictionaryStatistics[sources.length];
      centredSources = new boolean[sources.length];
      bars = new float[sources.length][];
      for (int s = 0; s < sources.length; s++) {
        int columnsOfSource = columns[sources[s] + 1] - columns[sources[s]];
        statistics[s] = new DictionaryStatistics(columnsOfSource, replicates);
        bars[s] = dictionary.sourceThreshold(sources[s]);
        for (int i = columns[sources[s]]; i < columns[sources[s] + 1]; i++) {
          centredSources[s] |= inputMean[i] != 0;
        }
      }
      turned = new CodesByFeature.Builder[bars[0] == null ? 1 : sources.length];
      Arrays.setAll(turned, view -> new CodesByFeature.Builder(width));
      centred = new float[dictionary.inputs()];
      residual = new float[dictionary.inputs()];
      explained = new float[several ? dictionary.inputs() : 0];
      directions = several ? new PresentDirections(dictionary, 0, width) : null;
      scaling = several ? new LatentScaling(width, sources.length) : null;
    }
  }

  /**
   * What became of a block with one dictionary, as one or more of its sources see it.
   *
   * @param statistics by source that is reconstructed
   * @param scaling of these sources; null for a dictionary that reconstructs one source
   */
  public record Encoded(
      CodesByFeature codes, List<DictionaryStatistics> statistics, LatentScaling scaling) {

    /** Writes codes, statistics and scaling in this order. */
    public void write(StatisticOutput out) {
      codes.write(out);
      statistics.forEach(each -> each.write(out));
      if (scaling != null) {
        scaling.write(out);
      }
    }
  }

  /**
   * Makes kernels.
   *
   * @param dictionaries of the same sources
   * @param weights of the rows' bootstrap, {@link Bootstrap#weights}
   */
  public BlockEncoder(
      KernelProvider provider,
      List<Dictionary> dictionaries,
      int batchRows,
      byte[] weights,
      int replicates) {
    this.sources = dictionaries.get(0).sources();
    this.inputs = dictionaries.get(0).inputs();
    this.batchRows = batchRows;
    this.weights = weights;
    this.replicates = replicates;
    batch = FloatMatrix.zeros(batchRows, inputs);
    reconstruction = FloatMatrix.zeros(batchRows, inputs);
    for (Dictionary dictionary : dictionaries) {
      lanes.add(new Lane(dictionary, provider.encoding(dictionary, batchRows), replicates));
    }
  }

  /**
   * Leaves out all that is told of a dictionary but its codes: {@link Encoded#statistics} and
   * {@link Encoded#scaling} are then those of no rows.
   *
   * @param dictionary its place among those that were given
   */
  public void codesOnly(int dictionary) {
    lanes.get(dictionary).judged = false;
  }

  /** Lets statistics of rows see them as they pass by; their owner closes them. */
  public void alongside(RowStatistics.Scans scans) {
    alongside.add(scans);
    if (gradients == null && scans.readsGradients()) {
      gradients = FloatMatrix.zeros(batchRows, inputs);
    }
  }

  /**
   * Bytes in memory besides the kernels: batches with gradients beside them, the codes of one
   * dictionary, and what latent scaling takes.
   *
   * @param views how many sources keep codes of their own
   */
  public static long memory(
      int inputs, int sources, int width, int batchRows, long codes, int views) {
    return 12L * batchRows * inputs
        + views * CodesByFeature.Builder.memory(width, codes)
        + (sources > 1 ? LatentScaling.memory(width, sources) + 20L * width * sources : 0);
  }

  /**
   * The rows of a block, in the order of the dictionaries. A dictionary whose sources have gates
   * gives its codes as each of them sees them, in their order; any other gives them once for all.
   */
  public List<Encoded> encode(ShardedDataset dataset, RowBlock block) throws IOException {
    for (RowBlock.Run run : block.runs()) {
      try (SourceRows rows = new SourceRows(dataset, sources, run.shard());
          SourceRows slopes =
              gradients == null ? null : SourceRows.gradients(dataset, sources, run.shard())) {
        rows.skip(run.first());
        if (slopes != null) {
          slopes.skip(run.first());
        }
        for (int left = run.count(); left > 0; ) {
          int count = Math.min(left, batchRows - filled);
          rows.read(batch, filled, count);
          if (slopes != null) {
            slopes.read(gradients, filled, count);
          }
          left -= count;
          filled += count;
          if (filled == batchRows) {
            flush();
          }
        }
      }
    }
    flush();
    done = 0;
    List<Encoded> encoded = new ArrayList<>();
    for (Lane lane : lanes) {
      boolean shared = lane.turned.length == 1;
      for (int view = 0; view < lane.turned.length; view++) {
        encoded.add(
            new Encoded(
                lane.turned[view].build(),
                shared ? List.of(lane.statistics) : List.of(lane.statistics[view]),
                shared || lane.scaling == null
                    ? lane.scaling
                    : lane.scaling.part(0, lane.dictionary.width(), view, 1)));
      }
    }
    return encoded;
  }

  private void flush() {
    if (filled == 0) {
      return;
    }
    FloatMatrix rows = batch.firstRows(filled);
    FloatMatrix slopes = gradients == null ? null : gradients.firstRows(filled);
    alongside.forEach(each -> each.add(rows, slopes, done));
    for (Lane lane : lanes) {
      lane.kernel.encode(rows, lane.codes);
      for (int view = 0; view < lane.turned.length; view++) {
        lane.turned[view].add(seenFrom(lane, view));
      }
      if (!lane.judged) {
        continue;
      }
      lane.kernel.decode(lane.codes, reconstruction.firstRows(filled));
      for (int row = 0; row < filled; row++) {
        for (int s = 0; s < lane.statistics.length; s++) {
          judge(lane, row, s);
        }
        if (lane.scaling != null) {
          scale(lane, row);
        }
      }
    }
    done += filled;
    filled = 0;
  }

  private static SparseCodes seenFrom(Lane lane, int source) {
    if (lane.bars[source] == null) {
      return lane.codes;
    }
    lane.gated.setAbove(lane.codes, lane.bars[source]);
    return lane.gated;
  }

  /** Error, norms and cosine of a row at a source. */
  private void judge(Lane lane, int row, int source) {
    int first = lane.columns[lane.sources[source]];
    int end = lane.columns[lane.sources[source] + 1];
    comparison.of(
        batch.values(),
        reconstruction.values(),
        row * inputs,
        lane.inputMean,
        lane.columnScale,
        first,
        end - first,
        lane.centred,
        lane.residual);
    if (lane.scaling != null) {
      for (int i = first; i < end; i++) {
        lane.explained[i] = lane.centred[i] - lane.residual[i];
      }
    }
    lane.statistics[source].addInput(lane.centred, first);
    float[] bars = lane.bars[source];
    int active = 0;
    double activation = 0;
    for (int i = lane.codes.starts()[row]; i < lane.codes.starts()[row + 1]; i++) {
      float code = lane.codes.values()[i];
      if (bars == null || code > bars[lane.codes.indices()[i]]) {
        active++;
        activation += code;
      }
    }
    lane.statistics[source].add(
        new DictionaryStatistics.Row(
            comparison.error(),
            comparison.square(),
            lane.centredSources[source],
            lane.columnScale[first],
            comparison.squareX(),
            comparison.squareY(),
            comparison.product(),
            active,
            activation),
        weights,
        (done + row) * replicates);
  }

  /** What a row's error and reconstruction have along the directions of the features that fire. */
  private static void scale(Lane lane, int row) {
    float[] decoder = lane.dictionary.decoder().values();
    int inputs = lane.dictionary.inputs();
    for (int at = lane.codes.starts()[row]; at < lane.codes.starts()[row + 1]; at++) {
      int feature = lane.codes.indices()[at];
      double code = lane.codes.values()[at];
      lane.scaling.add(feature, code);
      for (int s = 0; s < lane.statistics.length; s++) {
        int from = lane.columns[s];
        int direction = feature * inputs + lane.columns[lane.directions.source(feature, s)];
        int columns = lane.columns[s + 1] - from;
        double error = RowLoops.dot(decoder, direction, lane.residual, from, columns);
        double explained = RowLoops.dot(decoder, direction, lane.explained, from, columns);
        boolean open = lane.bars[s] == null || code > lane.bars[s][feature];
        double own = open ? code * lane.directions.product(feature, s) : 0;
        lane.scaling.add(feature, s, code * (error + own), code * explained, code * own);
      }
    }
  }

  @Override
  public void close() {
    lanes.forEach(lane -> lane.kernel.close());
  }
}
