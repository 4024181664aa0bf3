package dev.ontogeny.job.measure;

import java.io.Serializable;
import java.util.Comparator;
import org.apache.spark.Partitioner;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.ShuffledRDD;
import org.apache.spark.serializer.JavaSerializer;
import scala.math.Ordering$;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * Where a record goes and in which order a task meets it.
 *
 * @param partition of the shuffle
 */
record MeasureKey(int partition, int major, int middle, int minor) implements Serializable {

  /** To whom merges or writes a block of features; records of lower kind come first. */
  static MeasureKey toFeatures(int partition, int featureBlock, int kind, int rowBlock) {
    return new MeasureKey(partition, featureBlock, kind, rowBlock);
  }

  /** To whom has a block of rows. */
  static MeasureKey toRows(int partition, int rowBlock, int dictionary, int featureBlock) {
    return new MeasureKey(partition, rowBlock, dictionary, featureBlock);
  }

  /**
   * Records by partition, sorted. They are large, and Java's streams would hold on to a hundred of
   * them per partition: here to one.
   */
  static JavaPairRDD<MeasureKey, byte[]> sorted(
      JavaSparkContext spark, JavaPairRDD<MeasureKey, byte[]> records, int count) {
    SparkConf conf = spark.getConf().set("spark.serializer.objectStreamReset", "1");
    ClassTag<MeasureKey> keys = ClassTag$.MODULE$.apply(MeasureKey.class);
    ClassTag<byte[]> values = ClassTag$.MODULE$.apply(byte[].class);
    return JavaPairRDD.fromRDD(
        new ShuffledRDD<MeasureKey, byte[], byte[]>(
                records.rdd(), new MeasureKey.ByPartition(count), keys, values, values)
            .setSerializer(new JavaSerializer(conf))
            .setKeyOrdering(Ordering$.MODULE$.comparatorToOrdering(new MeasureKey.Order())),
        keys,
        values);
  }

  /** Within a partition. */
  static final class Order implements Comparator<MeasureKey>, Serializable {
    private static final long serialVersionUID = 1;

    @Override
    public int compare(MeasureKey a, MeasureKey b) {
      int order = Integer.compare(a.major, b.major);
      order = order != 0 ? order : Integer.compare(a.middle, b.middle);
      return order != 0 ? order : Integer.compare(a.minor, b.minor);
    }
  }

  /** The partition that a key names. */
  static final class ByPartition extends Partitioner {
    private static final long serialVersionUID = 1;

    private final int partitions;

    ByPartition(int partitions) {
      this.partitions = partitions;
    }

    @Override
    public int numPartitions() {
      return partitions;
    }

    @Override
    public int getPartition(Object key) {
      return ((MeasureKey) key).partition();
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof ByPartition that && that.partitions == partitions;
    }

    @Override
    public int hashCode() {
      return partitions;
    }
  }
}
