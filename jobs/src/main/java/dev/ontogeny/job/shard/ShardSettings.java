package dev.ontogeny.job.shard;

import dev.ontogeny.data.CaptureColumns;
import dev.ontogeny.data.VectorForm;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Nullable;
import dev.ontogeny.run.Operational;
import dev.ontogeny.run.Problems;
import java.io.Serializable;
import java.util.List;

/** Settings of {@link Shard}; {@code conf/jobs/shard.conf} explains each. */
public record ShardSettings(
    @Operational List<String> input,
    @Operational String output,
    long seed,
    CaptureColumns columns,
    @Nullable List<String> sites,
    @Nullable List<Long> checkpoints,
    StoredType storedType,
    @Nullable VectorForm.NumberType binaryType,
    @Nullable Integer width,
    @Nullable Integer shards,
    ByteSize shardBytes,
    double heldOutShare,
    Rules rules,
    int skipFirstPositions,
    int skipFirstTokens,
    List<Integer> dropTokenIds,
    @Nullable Double maximumNormRatio,
    @Nullable Double minimumNormRatio,
    @Nullable ByteSize rowGroupBytes,
    int geometricMedianRows,
    @Operational ByteSize splitBytes,
    @Operational ByteSize sliceBytes,
    @Operational ByteSize momentBytes,
    @Operational boolean extend)
    implements Serializable {

  /** How vectors are kept. */
  public enum StoredType {
    AUTO,
    FLOAT16,
    FLOAT32
  }

  /** What happens where the data breaks a rule. */
  public enum Action {
    FAIL,
    DROP
  }

  /** An action for each fault. */
  public record Rules(
      Action missing,
      Action duplicate,
      Action width,
      Action nullElement,
      Action nan,
      Action infinite,
      Action overflow,
      Action tokenId)
      implements Serializable {
    /** The action of a fault; filters drop. */
    Action of(ShardRule rule) {
      return switch (rule) {
        case MISSING -> missing;
        case DUPLICATE -> duplicate;
        case WIDTH -> width;
        case NULL_ELEMENT -> nullElement;
        case NAN -> nan;
        case INFINITE -> infinite;
        case OVERFLOW -> overflow;
        case TOKEN_ID -> tokenId;
        case POSITION, FIRST_TOKEN, DROP_TOKEN_IDS, NORM -> Action.DROP;
      };
    }
  }

  public ShardSettings {
    new Problems()
        .check(!input.isEmpty(), "input", "must name at least one path")
        .check(!output.isBlank(), "output", "must name a folder")
        .check(sites == null || !sites.isEmpty(), "sites", "must be null or name a site")
        .check(
            checkpoints == null || !checkpoints.isEmpty(),
            "checkpoints",
            "must be null or name a checkpoint")
        .check(width == null || width > 0, "width", "must be null or positive, got %s", width)
        .check(
            shards == null || (shards > 0 && shards <= 1_000_000),
            "shards",
            "must be null or between 1 and 1000000, got %s",
            shards)
        .check(
            shardBytes.bytes() >= 1 << 20,
            "shard-bytes",
            "must be at least 1MiB, got %s",
            shardBytes)
        .between("held-out-share", heldOutShare, 0, 0.9)
        .atLeast("skip-first-positions", skipFirstPositions, 0)
        .between("skip-first-tokens", skipFirstTokens, 0, 1 << 20)
        .check(
            maximumNormRatio == null || maximumNormRatio > 1,
            "maximum-norm-ratio",
            "must be null or above 1, got %s",
            maximumNormRatio)
        .check(
            minimumNormRatio == null || (minimumNormRatio > 0 && minimumNormRatio < 1),
            "minimum-norm-ratio",
            "must be null or between 0 and 1, got %s",
            minimumNormRatio)
        .check(
            rowGroupBytes == null || rowGroupBytes.bytes() >= 1 << 16,
            "row-group-bytes",
            "must be null or at least 64KiB, got %s",
            rowGroupBytes)
        .between("geometric-median-rows", geometricMedianRows, 0, 1 << 20)
        .check(
            splitBytes.bytes() >= 1 << 16,
            "split-bytes",
            "must be at least 64KiB, got %s",
            splitBytes)
        .check(
            sliceBytes.bytes() >= 1 << 16 && sliceBytes.bytes() <= 1L << 30,
            "slice-bytes",
            "must be between 64KiB and 1GiB, got %s",
            sliceBytes)
        .raise();
  }
}
