package dev.ontogeny.spark;

import java.io.Serializable;
import org.apache.spark.Partition;
import org.apache.spark.Partitioner;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.rdd.PartitionCoalescer;
import org.apache.spark.rdd.PartitionGroup;
import org.apache.spark.rdd.RDD;
import org.apache.spark.rdd.ShuffledRDD;
import scala.Option;
import scala.Tuple2;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * A shuffle of bytes into parts, each of which is read slice by slice: the shuffle has parts ×
 * slices partitions, and one task takes the slices of a part one after another. So the order of
 * slices holds within a part, and a task needs memory for one slice only.
 */
public final class SlicedShuffle {
  private SlicedShuffle() {}

  /**
   * Shuffles; partition p of the result has the records with keys p·slices to (p+1)·slices − 1, in
   * that order by slices, in any order within a slice. Keys come back as 0.
   */
  public static JavaRDD<Tuple2<Integer, byte[]>> of(
      JavaPairRDD<Integer, byte[]> records, int parts, int slices) {
    ClassTag<Integer> key = ClassTag$.MODULE$.apply(Integer.class);
    ClassTag<byte[]> value = ClassTag$.MODULE$.apply(byte[].class);
    ShuffledRDD<Integer, byte[], byte[]> shuffled =
        new ShuffledRDD<Integer, byte[], byte[]>(
                records.rdd(), new ByNumber(Math.multiplyExact(parts, slices)), key, value, value)
            .setSerializer(new BytesSerializer());
    RDD<Tuple2<Integer, byte[]>> grouped =
        shuffled.coalesce(parts, false, Option.apply(new Consecutive(slices)), null);
    ClassTag<Tuple2<Integer, byte[]>> pair = ClassTag$.MODULE$.apply(Tuple2.class);
    return JavaRDD.fromRDD(grouped, pair);
  }

  /** The key is the partition. */
  private static final class ByNumber extends Partitioner {
    private static final long serialVersionUID = 1;

    private final int partitions;

    ByNumber(int partitions) {
      this.partitions = partitions;
    }

    @Override
    public int numPartitions() {
      return partitions;
    }

    @Override
    public int getPartition(Object key) {
      return (Integer) key;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof ByNumber same && same.partitions == partitions;
    }

    @Override
    public int hashCode() {
      return partitions;
    }
  }

  /** Groups of neighbouring partitions, in their order. */
  private static final class Consecutive implements PartitionCoalescer, Serializable {
    private static final long serialVersionUID = 1;

    private final int size;

    Consecutive(int size) {
      this.size = size;
    }

    @Override
    public PartitionGroup[] coalesce(int groups, RDD<?> parent) {
      Partition[] partitions = parent.getPartitions();
      PartitionGroup[] result = new PartitionGroup[groups];
      for (int group = 0; group < groups; group++) {
        result[group] = new PartitionGroup(Option.empty());
        for (int i = 0; i < size; i++) {
          result[group].partitions().addOne(partitions[group * size + i]);
        }
      }
      return result;
    }
  }
}
