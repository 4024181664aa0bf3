package dev.ontogeny.job.shard;

import dev.ontogeny.data.CaptureFooter;
import dev.ontogeny.data.CaptureReader;
import dev.ontogeny.data.PageDigests;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.util.AccumulatorV2;

/**
 * Digests of what was read of a capture, split by split, collected while it is read. A split that
 * is read twice counts once. On the driver 64 characters for every split.
 */
final class ShardDigests extends AccumulatorV2<ShardDigests.Part, Map<ShardDigests.Key, String>> {
  private static final long serialVersionUID = 1;

  private final Map<Key, String> parts = Collections.synchronizedMap(new HashMap<>());

  /** A split. */
  record Key(int file, int firstRowGroup) implements Serializable {}

  /** A split and the digest of its pages. */
  record Part(Key key, String digest) implements Serializable {
    Part(CaptureReader.Split split, String digest) {
      this(new Key(split.file(), split.firstRowGroup()), digest);
    }
  }

  /** The digest of the pages of every file; empty if a split was not read. */
  static Optional<List<String>> byFile(Map<Key, String> parts, ShardCapture capture) {
    List<String> files =
        new ArrayList<>(Collections.nCopies(capture.files().size(), "0".repeat(64)));
    for (List<CaptureReader.Split> group : capture.splits()) {
      for (CaptureReader.Split split : group) {
        String part = parts.get(new Key(split.file(), split.firstRowGroup()));
        if (part == null) {
          return Optional.empty();
        }
        files.set(split.file(), PageDigests.sum(files.get(split.file()), part));
      }
    }
    return Optional.of(files);
  }

  /** Reads the pages of all files for their digests alone. */
  static List<String> look(JavaSparkContext spark, ShardSettings settings, ShardCapture capture) {
    List<CaptureReader.Split> splits = capture.splits().stream().flatMap(List::stream).toList();
    List<Look> looks =
        splits.stream()
            .map(
                split ->
                    new Look(
                        capture.files().get(split.file()),
                        split,
                        settings,
                        capture.hasTexts(split.file())))
            .toList();
    spark.setJobDescription("shard: look whether the capture is the same");
    Map<Key, String> parts = new HashMap<>();
    spark
        .parallelize(looks, looks.size())
        .map(new Digest())
        .collect()
        .forEach(part -> parts.put(part.key(), part.digest()));
    return byFile(parts, capture).orElseThrow();
  }

  private record Look(
      CaptureFooter footer, CaptureReader.Split split, ShardSettings settings, boolean texts)
      implements Serializable {}

  private static final class Digest implements Function<Look, Part> {
    private static final long serialVersionUID = 1;

    @Override
    public Part call(Look look) throws Exception {
      return new Part(
          look.split(),
          CaptureReader.digest(
              look.footer(), look.split(), look.settings().columns(), look.texts()));
    }
  }

  @Override
  public boolean isZero() {
    return parts.isEmpty();
  }

  @Override
  public ShardDigests copy() {
    ShardDigests copy = new ShardDigests();
    copy.parts.putAll(parts);
    return copy;
  }

  @Override
  public void reset() {
    parts.clear();
  }

  @Override
  public void add(Part part) {
    parts.put(part.key(), part.digest());
  }

  @Override
  public void merge(AccumulatorV2<Part, Map<Key, String>> other) {
    parts.putAll(other.value());
  }

  @Override
  public Map<Key, String> value() {
    return parts;
  }
}
