package dev.ontogeny.job.shard;

import dev.ontogeny.data.CaptureFooter;
import dev.ontogeny.data.CaptureReader;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TokenOrder;
import dev.ontogeny.data.VectorType;
import dev.ontogeny.run.Failure;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.PairFlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.LongAccumulator;
import org.apache.spark.util.TaskCompletionListener;
import scala.Tuple2;

/**
 * Reads splits of a capture, checks each row on its own, and sends it to the slice of the shard
 * where its token belongs. Memory: a page of each vector column and the flat columns of one row
 * group; Spark's shuffle writer has its own budget and spills beyond it.
 */
final class ShardReadTask
    implements PairFlatMapFunction<Iterator<List<CaptureReader.Split>>, Integer, byte[]> {
  private static final long serialVersionUID = 1;

  private final Broadcast<ShardPlan> plan;
  private final LongAccumulator rows;
  private final ShardDigests digests;

  /**
   * Reads.
   *
   * @param rows counts rows of the capture as they are read
   * @param digests takes what the pages of each split hold
   */
  ShardReadTask(Broadcast<ShardPlan> plan, LongAccumulator rows, ShardDigests digests) {
    this.plan = plan;
    this.rows = rows;
    this.digests = digests;
  }

  @Override
  public Iterator<Tuple2<Integer, byte[]>> call(Iterator<List<CaptureReader.Split>> groups) {
    Rows result = new Rows(plan.value(), groups, rows, digests);
    TaskContext.get().addTaskCompletionListener((TaskCompletionListener) context -> result.close());
    return result;
  }

  private static final class Rows implements Iterator<Tuple2<Integer, byte[]>> {
    private static final int COUNTED = 4096;

    /** Matches no vector: it is passed over. */
    private static final int NO_WIDTH = -2;

    private final ShardPlan plan;
    private final ShardSettings settings;
    private final TokenOrder slices;
    private final Iterator<List<CaptureReader.Split>> groups;
    private final LongAccumulator counter;
    private final ShardDigests digests;
    private final Set<Integer> droppedTokenIds;
    private final Map<String, Map<Long, ShardPlan.Source>> sources = new HashMap<>();
    private final ShardRow.Builder builder = new ShardRow.Builder();
    private Iterator<CaptureReader.Split> splits = List.<CaptureReader.Split>of().iterator();
    private CaptureReader reader;
    private CaptureReader.Split split;
    private int file;
    private ShardPlan.Source only;
    private VectorType type;
    private Tuple2<Integer, byte[]> next;
    private int uncounted;

    Rows(
        ShardPlan plan,
        Iterator<List<CaptureReader.Split>> groups,
        LongAccumulator counter,
        ShardDigests digests) {
      this.plan = plan;
      this.digests = digests;
      this.droppedTokenIds = Set.copyOf(plan.settings().dropTokenIds());
      this.settings = plan.settings();
      this.slices = plan.sliceOrder();
      this.groups = groups;
      this.counter = counter;
      for (ShardPlan.Source source : plan.sources()) {
        sources
            .computeIfAbsent(source.site(), site -> new HashMap<>())
            .put(source.checkpoint(), source);
      }
    }

    @Override
    public boolean hasNext() {
      try {
        while (next == null) {
          if (reader == null && !openNext()) {
            counter.add(uncounted);
            uncounted = 0;
            return false;
          }
          if (reader.next()) {
            next = row();
            uncounted++;
            if (uncounted == COUNTED) {
              counter.add(uncounted);
              uncounted = 0;
            }
          } else {
            CaptureReader read = reader;
            close();
            digests.add(new ShardDigests.Part(split, read.digest()));
          }
        }
        return true;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public Tuple2<Integer, byte[]> next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      Tuple2<Integer, byte[]> result = next;
      next = null;
      return result;
    }

    private boolean openNext() throws IOException {
      while (!splits.hasNext()) {
        if (!groups.hasNext()) {
          return false;
        }
        splits = groups.next().iterator();
      }
      split = splits.next();
      file = split.file();
      CaptureFooter footer = plan.files().get(file);
      only = null;
      boolean first = false;
      type = null;
      for (CaptureFooter.SourceRows each : footer.sources()) {
        ShardPlan.Source source = source(each.site(), each.checkpoint());
        if (source != null) {
          type = source.type();
          first |= plan.texts() && source.index() == 0;
          only = footer.sources().size() == 1 ? source : null;
        }
      }
      reader = CaptureReader.open(footer, split, settings.columns(), type, first);
      return true;
    }

    private ShardPlan.Source source(String site, long checkpoint) {
      Map<Long, ShardPlan.Source> of = sources.get(site);
      return of == null ? null : of.get(checkpoint);
    }

    /** The row at hand, null where it belongs to a source or a shard that is not wanted. */
    private Tuple2<Integer, byte[]> row() throws IOException {
      ShardPlan.Source source = only != null ? only : source(reader.site(), reader.checkpoint());
      if (source == null) {
        passVectors();
        return null;
      }
      long number = 0;
      String text = null;
      int position = reader.position();
      long hash;
      if (plan.textDocuments()) {
        text = reader.documentText();
        hash = plan.order().hash(text, position);
      } else {
        number = reader.documentNumber();
        hash = plan.order().hash(number, position);
      }
      int slot = plan.slots()[plan.order().shard(hash)];
      if (slot < 0) {
        passVectors();
        return null;
      }
      int slice = slices.shard(hash) % plan.slices();
      return new Tuple2<>(slot * plan.slices() + slice, encode(source, number, text, position));
    }

    private void passVectors() throws IOException {
      reader.activation(builder.buffer(), 0, NO_WIDTH);
      if (plan.gradient()) {
        reader.gradient(builder.buffer(), 0, NO_WIDTH);
      }
    }

    private byte[] encode(ShardPlan.Source source, long number, String text, int position)
        throws IOException {
      begin(builder.vector(), number, text, position, source);
      if (plan.loss()) {
        builder.loss(reader.loss());
      }
      if (source.index() == 0) {
        builder.optionalText(plan.texts() ? reader.token() : null);
        for (int i = 0; i < plan.labels().size(); i++) {
          builder.value(plan.labels().get(i).type(), label(i));
        }
      }
      int at = builder.reserve(source.bytes());
      int numbers = reader.activation(builder.buffer(), at, source.width());
      ShardRule rule =
          rule(
              source,
              position,
              at,
              numbers,
              reader.activationNulls(),
              reader.activationOverflowed());
      long detail = rule == ShardRule.NULL_ELEMENT ? reader.activationNulls() : numbers;
      if (plan.gradient()) {
        int gradientAt = builder.reserve(source.bytes());
        int gradients = reader.gradient(builder.buffer(), gradientAt, source.width());
        if (rule == null) {
          rule =
              fault(
                  source,
                  gradientAt,
                  gradients,
                  reader.gradientNulls(),
                  reader.gradientOverflowed());
          detail = rule == ShardRule.NULL_ELEMENT ? reader.gradientNulls() : gradients;
        }
      }
      if (rule == null) {
        return builder.build();
      }
      // Whether a token is one of the first of its document is known where it is written.
      if (settings.skipFirstTokens() == 0
          && settings.rules().of(rule) == ShardSettings.Action.FAIL) {
        throw Failure.data(
            "%s, row %d: document %s, position %d (%s) %s; rules.%s=drop would leave such tokens out",
            plan.files().get(file).file().location(),
            reader.row(),
            text == null ? (Object) number : text,
            position,
            source,
            described(rule, detail, source),
            rule.key());
      }
      begin(builder.fault(rule), number, text, position, source);
      return builder.detail(detail).build();
    }

    private void begin(
        ShardRow.Builder row, long number, String text, int position, ShardPlan.Source source) {
      if (text == null) {
        row.number(number);
      } else {
        row.text(text);
      }
      row.address(position, source.index(), file, reader.row(), reader.tokenId());
    }

    private Object label(int index) {
      String name = plan.labels().get(index).name();
      List<TableSchema.Column> there = plan.files().get(file).labels();
      for (int i = 0; i < there.size(); i++) {
        if (there.get(i).name().equals(name)) {
          return reader.label(i);
        }
      }
      return null;
    }

    private ShardRule rule(
        ShardPlan.Source source, int position, int at, int numbers, int nulls, boolean overflowed) {
      if (position < settings.skipFirstPositions()) {
        return ShardRule.POSITION;
      }
      if (!droppedTokenIds.isEmpty() && droppedTokenIds.contains(reader.tokenId())) {
        return ShardRule.DROP_TOKEN_IDS;
      }
      ShardRule fault = fault(source, at, numbers, nulls, overflowed);
      if (fault == null && !plan.norms().get(source.index()).holds(norm(source, at))) {
        return ShardRule.NORM;
      }
      return fault;
    }

    private ShardRule fault(
        ShardPlan.Source source, int at, int numbers, int nulls, boolean overflowed) {
      if (nulls > 0) {
        return ShardRule.NULL_ELEMENT;
      }
      if (numbers != source.width()) {
        return ShardRule.WIDTH;
      }
      if (!type.hasNonFinite(builder.buffer(), at, numbers)) {
        return null;
      }
      if (overflowed) {
        return ShardRule.OVERFLOW;
      }
      for (float value : floats(source, at)) {
        if (Float.isNaN(value)) {
          return ShardRule.NAN;
        }
      }
      return ShardRule.INFINITE;
    }

    private double norm(ShardPlan.Source source, int at) {
      if (plan.norms().get(source.index()).equals(ShardNorms.Range.ALL)) {
        return 0;
      }
      double square = 0;
      for (float value : floats(source, at)) {
        square += (double) value * value;
      }
      return Math.sqrt(square);
    }

    private float[] floats(ShardPlan.Source source, int at) {
      float[] values = new float[source.width()];
      type.toFloats(builder.buffer(), at, values, 0, values.length);
      return values;
    }

    void close() {
      if (reader != null) {
        try {
          reader.close();
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        } finally {
          reader = null;
        }
      }
    }
  }

  /** What a fault is, for messages and the rejects table. */
  static String described(ShardRule rule, long detail, ShardPlan.Source source) {
    return switch (rule) {
      case WIDTH ->
          detail <= 0
              ? "has no vector, its site's have " + source.width() + " numbers"
              : "has a vector of " + detail + " numbers, its site's have " + source.width();
      case NULL_ELEMENT ->
          "has "
              + (detail == 1 ? "a null" : detail + " nulls")
              + " among the numbers of its vector (pandas writes NaN so)";
      case NAN -> "has a NaN in its vector";
      case INFINITE -> "has an infinite number in its vector";
      case OVERFLOW ->
          "has a number that "
              + source.type().key()
              + " cannot hold"
              + (source.type() == VectorType.FLOAT16
                  ? " (beyond 65504), stored-type=float32 would"
                  : "");
      case POSITION -> "is one of the first positions";
      case FIRST_TOKEN -> "is one of the first tokens";
      case DROP_TOKEN_IDS -> "has a token id that is left out";
      case NORM -> "has an outlier norm";
      case TOKEN_ID -> "has another token id than at the first source";
      case MISSING -> "is missing";
      case DUPLICATE -> "stands twice";
    };
  }
}
