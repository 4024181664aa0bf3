package dev.ontogeny.job.shard;

import dev.ontogeny.data.CaptureFindings;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.VectorForm;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.stats.CheckpointOrder;
import dev.ontogeny.stats.DocumentSample;
import dev.ontogeny.stats.DocumentSpans;
import dev.ontogeny.stats.SourceSketch;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * What the tasks that wrote the shards left on record, summed up: the files, and what is worth
 * knowing of the capture. Memory: the records of one shard, and the files.
 */
final class ShardsWritten {
  private final List<PublishedFile> files = new ArrayList<>();
  private final String[] attempts;
  private final TreeMap<String, Long> dropped = new TreeMap<>();
  private final DocumentSample documents = new DocumentSample();
  private final DocumentSpans spans = new DocumentSpans();
  private final long[][] exponents;
  private long rows;
  private long neighbours;
  private long pairs;
  private long shuffledBytes;

  /** Reads the records of all shards of a plan. */
  ShardsWritten(ShardPlan plan) {
    attempts = new String[plan.order().shards()];
    exponents = new long[plan.sources().size()][2];
    for (int shard = 0; shard < attempts.length; shard++) {
      Publication.Unit unit = Shard.finished(plan.publication(), ShardPlan.unit(shard));
      files.addAll(unit.files());
      ShardWriteTask.Outcome outcome = Json.fromTree(unit.result(), ShardWriteTask.Outcome.class);
      attempts[shard] = outcome.attempt();
      add(outcome);
    }
    if (rows == 0) {
      throw Failure.data("no token is left: every one was dropped, %s", dropped);
    }
  }

  private void add(ShardWriteTask.Outcome outcome) {
    rows += outcome.rows();
    neighbours += outcome.neighbours();
    pairs += Math.max(0, outcome.rows() - 1);
    shuffledBytes += outcome.shuffledBytes();
    outcome.dropped().forEach((rule, count) -> dropped.merge(rule, count, Long::sum));
    documents.merge(outcome.documents());
    spans.merge(outcome.spans());
    for (int source = 0; source < exponents.length; source++) {
      exponents[source][0] += outcome.exponents().get(source)[0];
      exponents[source][1] += outcome.exponents().get(source)[1];
    }
  }

  /** All files so far; those of moments may be added. */
  List<PublishedFile> files() {
    return files;
  }

  /** Which attempt wrote each shard. */
  String[] attempts() {
    return attempts;
  }

  long shuffledBytes() {
    return shuffledBytes;
  }

  /** {@code merged} in the order of the plan's sources. */
  ShardedDataset.Summary summary(
      ShardPlan plan, List<ShardedDataset.Site> sites, List<ShardMomentsTask.Merged> merged) {
    return new ShardedDataset.Summary(
        rows,
        plan.order().shards(),
        heldOut(plan),
        sites,
        dropped,
        new ShardedDataset.Mixing(
            pairs == 0 ? 0 : (double) neighbours / pairs, documents.expectedNeighbours()),
        findings(spans.findings(), plan.sources(), sites, merged, likelyBfloat16(plan), files));
  }

  /** How many tokens each rule dropped. */
  Map<String, Long> dropped() {
    return dropped;
  }

  /** Sites whose float16 numbers look like bfloat16. */
  Set<String> likelyBfloat16(ShardPlan plan) {
    TreeSet<String> bfloat16 = new TreeSet<>();
    for (ShardPlan.Source source : plan.sources()) {
      long[] counts = exponents[source.index()];
      if (VectorForm.looksLikeBfloat16(counts[0], counts[1])) {
        bfloat16.add(source.site());
      }
    }
    return bfloat16;
  }

  /** Chosen by the seed: the shards with the smallest hashes. */
  private static List<Integer> heldOut(ShardPlan plan) {
    int shards = plan.order().shards();
    double share = plan.settings().heldOutShare();
    int count =
        share == 0 ? 0 : (int) Math.min(shards - 1, Math.max(1, Math.round(share * shards)));
    long seed = Seeds.of(plan.settings().seed(), "held-out");
    return IntStream.range(0, shards)
        .boxed()
        .sorted(Comparator.comparingLong((Integer shard) -> Seeds.mix(seed, shard)))
        .limit(Math.max(0, count))
        .sorted()
        .toList();
  }

  /**
   * What is worth knowing of a capture.
   *
   * @param merged in the order of the sources
   * @param files those of the vectors among them
   */
  static CaptureFindings findings(
      CaptureFindings.Documents documents,
      List<ShardPlan.Source> sources,
      List<ShardedDataset.Site> sites,
      List<ShardMomentsTask.Merged> merged,
      Set<String> bfloat16,
      List<PublishedFile> files) {
    List<CaptureFindings.Norms> norms = new ArrayList<>();
    List<CaptureFindings.Source> constant = new ArrayList<>();
    for (ShardPlan.Source source : sources) {
      ShardMomentsTask.Merged of = merged.get(source.index());
      if (of.sinks() > 0 || of.zeros() > 0) {
        norms.add(
            new CaptureFindings.Norms(
                source.site(),
                source.checkpoint(),
                of.rows(),
                of.medianNorm(),
                of.sinks(),
                of.zeros()));
      }
      if (of.constant()) {
        constant.add(new CaptureFindings.Source(source.site(), source.checkpoint()));
      }
    }
    List<CaptureFindings.Identical> identical = new ArrayList<>();
    List<CaptureFindings.Pair> nearly = new ArrayList<>();
    List<CaptureFindings.OutOfOrder> outOfOrder = new ArrayList<>();
    for (ShardedDataset.Site site : sites) {
      identical.addAll(identical(site, constant, files));
      CheckpointOrder order =
          new CheckpointOrder(
              site.site(),
              site.checkpoints(),
              sources.stream()
                  .filter(source -> source.site().equals(site.site()))
                  .map(source -> SourceSketch.read(merged.get(source.index()).sketch()))
                  .toList());
      nearly.addAll(order.nearlyIdentical());
      outOfOrder.addAll(order.outOfOrder());
    }
    return new CaptureFindings(
        documents, norms, identical, nearly, outOfOrder, List.copyOf(bfloat16), constant);
  }

  /**
   * Checkpoints of a site whose files have the same checksums, shard by shard. Where nothing varies
   * that says nothing.
   */
  private static List<CaptureFindings.Identical> identical(
      ShardedDataset.Site site, List<CaptureFindings.Source> constant, List<PublishedFile> files) {
    Map<Long, List<String>> checksums = new TreeMap<>();
    files.stream()
        .filter(file -> "vectors".equals(file.table()) && site.site().equals(file.site()))
        .filter(
            file -> !constant.contains(new CaptureFindings.Source(file.site(), file.checkpoint())))
        .sorted(Comparator.comparing(PublishedFile::shard))
        .forEach(
            file ->
                checksums
                    .computeIfAbsent(file.checkpoint(), checkpoint -> new ArrayList<>())
                    .add(file.sha256()));
    Map<List<String>, List<Long>> same = new LinkedHashMap<>();
    checksums.forEach(
        (checkpoint, of) -> same.computeIfAbsent(of, none -> new ArrayList<>()).add(checkpoint));
    return same.values().stream()
        .filter(checkpoints -> checkpoints.size() > 1)
        .map(checkpoints -> new CaptureFindings.Identical(site.site(), checkpoints))
        .toList();
  }
}
