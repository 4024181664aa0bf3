package dev.ontogeny.job.shard;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.data.TokenOrder;
import dev.ontogeny.data.VectorForm;
import dev.ontogeny.data.VectorReader;
import dev.ontogeny.data.VectorWriter;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.stats.DocumentSample;
import dev.ontogeny.stats.DocumentSpans;
import dev.ontogeny.stats.MomentSums;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.LongAccumulator;
import scala.Tuple2;

/**
 * Writes one shard: takes its slices in order, brings the rows of each token together, applies the
 * rules that need them together, and appends the token to every file. Memory: {@link
 * ShardPlan#memoryPerTask}.
 */
final class ShardWriteTask implements VoidFunction<Iterator<Tuple2<Integer, byte[]>>> {
  private static final long serialVersionUID = 1;

  private final Broadcast<ShardPlan> plan;
  private final int[] shards;
  private final LongAccumulator rows;

  /**
   * Partition p writes shard {@code shards[p]}.
   *
   * @param rows counts rows of the capture as they are written
   */
  ShardWriteTask(Broadcast<ShardPlan> plan, int[] shards, LongAccumulator rows) {
    this.plan = plan;
    this.shards = shards;
    this.rows = rows;
  }

  /**
   * What the driver needs to know of a shard.
   *
   * @param attempt names the files of its moments
   * @param neighbours pairs of neighbouring rows from one document
   * @param documents by the rows that are kept
   * @param spans by all tokens of the capture
   * @param exponents by source, of some float16 numbers, see {@link VectorForm#countExponents}
   * @param shuffledBytes that the task read
   */
  record Outcome(
      long rows,
      Map<String, Long> dropped,
      long neighbours,
      DocumentSample.Stored documents,
      DocumentSpans.Stored spans,
      List<long[]> exponents,
      String attempt,
      long shuffledBytes) {}

  @Override
  public void call(Iterator<Tuple2<Integer, byte[]>> shuffled) throws IOException {
    TaskContext context = TaskContext.get();
    int shard = shards[context.partitionId()];
    try (Writing writing = new Writing(plan.value(), shard, rows)) {
      writing.write(shuffled);
      writing.finish(context.taskMetrics().shuffleReadMetrics().totalBytesRead());
    }
  }

  private static final class Writing implements Closeable {
    private static final int COUNTED = 4096;
    private static final int READ_ROWS = 256;

    /** Numbers of a source whose exponents are looked at, about. */
    private static final int FEW_NUMBERS = 1 << 13;

    /** Tokens, and about their bytes, that are appended together. */
    private static final int BATCH = 64;

    private static final long BATCH_BYTES = 1 << 20;

    private final ShardPlan plan;
    private final ShardSettings settings;
    private final Folder folder;
    private final int shard;
    private final String attempt;
    private final LongAccumulator counter;
    private final TokenOrder slices;
    private final TableWriter tokens;
    private final VectorWriter[] vectors;
    private final MomentSums[] moments;
    private final ShardRow[] bySource;
    private final ShardRow[][] batch;
    private final TreeMap<String, Long> dropped = new TreeMap<>();
    private final DocumentSample documents = new DocumentSample();
    private final DocumentSpans spans = new DocumentSpans();
    private final long[][] exponents;
    private final long documentBase;
    private TableWriter rejects;
    private Object previousDocument;
    private long neighbours;
    private int batched;
    private long uncounted;

    Writing(ShardPlan plan, int shard, LongAccumulator counter) throws IOException {
      this.plan = plan;
      this.settings = plan.settings();
      this.folder = plan.publication().folder();
      this.shard = shard;
      this.attempt = plan.publication().attempt();
      this.counter = counter;
      this.slices = plan.sliceOrder();
      this.documentBase = Seeds.of(settings.seed(), "document-sample");
      int sources = plan.sources().size();
      vectors = new VectorWriter[sources];
      moments = new MomentSums[sources];
      bySource = new ShardRow[sources];
      exponents = new long[sources][2];
      batch =
          new ShardRow[(int) Math.max(1, Math.min(BATCH, BATCH_BYTES / plan.bytesPerToken()))]
              [sources];
      tokens = TableWriter.open(folder, path("tokens", null), plan.tokens());
      for (ShardPlan.Source source : plan.sources()) {
        vectors[source.index()] =
            VectorWriter.open(folder, path("vectors", source), plan.layout(source));
        if (plan.momentsInPassing()) {
          moments[source.index()] = new MomentSums(source.width());
        }
      }
    }

    private String path(String table, ShardPlan.Source source) {
      return plan.path(table, source, shard, attempt);
    }

    void write(Iterator<Tuple2<Integer, byte[]>> shuffled) throws IOException {
      ShardSlice slice = new ShardSlice(plan);
      int current = -1;
      while (shuffled.hasNext()) {
        byte[] row = shuffled.next()._2();
        long hash = ShardRow.hash(plan, row);
        int number = slices.shard(hash);
        if (number != current) {
          if (!slice.isEmpty()) {
            slice.drain(this::token);
          }
          current = number;
        }
        slice.add(row, hash);
      }
      if (!slice.isEmpty()) {
        slice.drain(this::token);
      }
      appendBatch();
      counter.add(uncounted);
    }

    private void token(List<ShardRow> rows) throws IOException {
      boolean first = rows.removeIf(row -> row.isMarker());
      if (rows.isEmpty()) {
        return;
      }
      uncounted += rows.size();
      if (uncounted >= COUNTED) {
        counter.add(uncounted);
        uncounted = 0;
      }
      spans.add(documentHash(rows.get(0).document()), rows.get(0).position());
      if (first) {
        dropped.merge(ShardRule.FIRST_TOKEN.key(), 1L, Long::sum);
        return;
      }
      Arrays.fill(bySource, null);
      for (ShardRow row : rows) {
        int source = row.source().index();
        if (bySource[source] == null) {
          bySource[source] = row;
        } else {
          duplicate(row, bySource[source]);
        }
      }
      ShardRow any = reference(rows);
      ShardRule worst = null;
      for (ShardPlan.Source source : plan.sources()) {
        ShardRule rule = rule(bySource[source.index()], any);
        if (rule != null && (worst == null || rule.compareTo(worst) < 0)) {
          worst = rule;
        }
      }
      if (worst != null) {
        drop(worst, any);
        return;
      }
      System.arraycopy(bySource, 0, batch[batched++], 0, bySource.length);
      if (batched == batch.length) {
        appendBatch();
      }
    }

    /** The first row that has a token id, or else the first. */
    private static ShardRow reference(List<ShardRow> rows) {
      for (ShardRow row : rows) {
        if (row.tokenId() != null) {
          return row;
        }
      }
      return rows.get(0);
    }

    /** What keeps a token out at a source; {@code any} is a row of the token, see reference. */
    private ShardRule rule(ShardRow row, ShardRow any) {
      if (row == null) {
        return ShardRule.MISSING;
      }
      if (!row.isVector()) {
        return row.rule();
      }
      return row.tokenId() == null
              || any.tokenId() == null
              || Objects.equals(row.tokenId(), any.tokenId())
          ? null
          : ShardRule.TOKEN_ID;
    }

    private void duplicate(ShardRow row, ShardRow first) throws IOException {
      if (settings.rules().duplicate() == ShardSettings.Action.FAIL) {
        throw Failure.data(
            "%s: document %s, position %d (%s) stands twice, first in %s; rules.duplicate=drop would keep the first",
            row.where(), row.document(), row.position(), row.source(), first.where());
      }
      dropped.merge(ShardRule.DUPLICATE.key(), 1L, Long::sum);
      reject(row, row.source(), ShardRule.DUPLICATE, "first in " + first.where());
    }

    private void drop(ShardRule worst, ShardRow any) throws IOException {
      if (settings.rules().of(worst) == ShardSettings.Action.FAIL) {
        fail(worst, any);
      }
      dropped.merge(worst.key(), 1L, Long::sum);
      if (worst.isFilter()) {
        return;
      }
      for (ShardPlan.Source source : plan.sources()) {
        ShardRow row = bySource[source.index()];
        ShardRule rule = rule(row, any);
        if (rule != null && !rule.isFilter()) {
          reject(any, source, rule, detail(rule, row, any));
        }
      }
    }

    private void fail(ShardRule rule, ShardRow any) {
      for (ShardPlan.Source source : plan.sources()) {
        ShardRow row = bySource[source.index()];
        if (rule(row, any) == rule) {
          throw rule == ShardRule.MISSING
              ? Failure.data(
                  "document %s, position %d is missing at %s, but %s has it (%s); rules.missing=drop would leave such tokens out",
                  any.document(), any.position(), source, any.where(), any.source())
              : Failure.data(
                  "%s: document %s, position %d (%s): %s; rules.%s=drop would leave such tokens out",
                  row.where(),
                  row.document(),
                  row.position(),
                  source,
                  detail(rule, row, any),
                  rule.key());
        }
      }
    }

    private static String detail(ShardRule rule, ShardRow row, ShardRow any) {
      return switch (rule) {
        case MISSING -> "present in " + any.where();
        case TOKEN_ID ->
            String.format(
                Locale.ROOT,
                "token id %d, but %d in %s",
                row.tokenId(),
                any.tokenId(),
                any.where());
        default -> ShardReadTask.described(rule, row.detail(), row.source()) + " in " + row.where();
      };
    }

    private void reject(ShardRow row, ShardPlan.Source source, ShardRule rule, String detail)
        throws IOException {
      if (rejects == null) {
        rejects = TableWriter.open(folder, path("rejects", null), plan.rejects());
      }
      rejects.write(
          row.document(), row.position(), source.site(), source.checkpoint(), rule.key(), detail);
    }

    /**
     * Appends the tokens that have come together, file by file: loops that stay within the memory
     * of one file, each small enough to be compiled early.
     */
    private void appendBatch() throws IOException {
      for (int i = 0; i < batched; i++) {
        appendToken(batch[i][0].token());
      }
      for (int source = 0; source < bySource.length; source++) {
        appendVectors(source);
        if (moments[source] != null) {
          addMoments(source);
        }
      }
      for (int i = 0; i < batched; i++) {
        Arrays.fill(batch[i], null);
      }
      batched = 0;
    }

    private void appendToken(Object[] token) throws IOException {
      tokens.write(token);
      Object document = token[0];
      documents.add(documentHash(document));
      neighbours += document.equals(previousDocument) ? 1 : 0;
      previousDocument = document;
    }

    private long documentHash(Object document) {
      return plan.textDocuments()
          ? Seeds.mix(documentBase, (String) document)
          : Seeds.mix(documentBase, (Long) document);
    }

    /** Some of the numbers of each source are enough to tell float16 from bfloat16. */
    private void countExponents(ShardRow row) {
      long[] counts = exponents[row.source().index()];
      if (row.source().float16() && counts[0] < FEW_NUMBERS) {
        long[] more = VectorForm.countExponents(row.bytes(), row.vectorAt(), row.source().width());
        counts[0] += more[0];
        counts[1] += more[1];
      }
    }

    private void appendVectors(int source) throws IOException {
      for (int i = 0; i < batched; i++) {
        ShardRow row = batch[i][source];
        countExponents(row);
        vectors[source].write(
            row.bytes(), row.vectorAt(), row.bytes(), row.gradientAt(), row.loss());
      }
    }

    private void addMoments(int source) {
      for (int i = 0; i < batched; i++) {
        ShardRow row = batch[i][source];
        moments[source].add(row.source().type(), row.bytes(), row.vectorAt());
      }
    }

    void finish(long shuffledBytes) throws IOException {
      List<PublishedFile> files = new ArrayList<>();
      files.add(tokens.finish().ofShard(shard));
      for (ShardPlan.Source source : plan.sources()) {
        PublishedFile file =
            vectors[source.index()]
                .finish()
                .ofShard(shard)
                .ofSource(source.site(), source.checkpoint());
        files.add(file);
        writeMoments(source, file.path());
      }
      if (rejects != null) {
        files.add(rejects.finish().ofShard(shard));
      }
      plan.publication()
          .finished(
              ShardPlan.unit(shard),
              files,
              new Outcome(
                  files.get(0).rows(),
                  dropped,
                  neighbours,
                  documents.stored(),
                  spans.stored(),
                  List.of(exponents),
                  attempt,
                  shuffledBytes));
    }

    private void writeMoments(ShardPlan.Source source, String path) throws IOException {
      MomentSums sums = moments[source.index()];
      if (sums == null) {
        // All sources at once would take too much memory: one after the other, from the file.
        sums = new MomentSums(source.width());
        FloatMatrix block = FloatMatrix.zeros(READ_ROWS, source.width());
        try (VectorReader reader =
            VectorReader.open(folder, path, "activation", source.type(), source.width())) {
          for (int read = reader.read(block); read > 0; read = reader.read(block)) {
            for (int row = 0; row < read; row++) {
              sums.add(block.values(), row * source.width());
            }
          }
        }
      }
      moments[source.index()] = null;
      try (DataOutputStream out =
          new DataOutputStream(
              new BufferedOutputStream(
                  folder.create(plan.momentsPath(shard, attempt, source)), 1 << 16))) {
        sums.state().writeTo(out);
      }
    }

    @Override
    public void close() throws IOException {
      tokens.close();
      for (VectorWriter writer : vectors) {
        if (writer != null) {
          writer.close();
        }
      }
      if (rejects != null) {
        rejects.close();
      }
    }
  }
}
