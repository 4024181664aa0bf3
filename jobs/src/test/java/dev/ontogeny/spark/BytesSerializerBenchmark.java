package dev.ontogeny.spark;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.Locale;
import org.apache.spark.SparkConf;
import org.apache.spark.serializer.KryoSerializer;
import org.apache.spark.serializer.SerializationStream;
import org.apache.spark.serializer.Serializer;
import scala.Tuple2;
import scala.collection.Iterator;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * Records of a shuffle written and read, in nanoseconds each: {@link BytesSerializer} beside
 * Spark's Kryo, the other one whose records may be moved unopened. Medians.
 *
 * <pre>mvn -q -pl common,jobs test-compile && mvn -q -pl jobs exec:exec -Dexec.executable=java \
 *   -Dexec.classpathScope=test \
 *   -Dexec.args="--add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/sun.nio.ch=ALL-UNNAMED --add-opens=java.base/java.lang=ALL-UNNAMED --add-opens=java.base/java.lang.invoke=ALL-UNNAMED --add-opens=java.base/java.util=ALL-UNNAMED -Xmx3g -cp %classpath dev.ontogeny.spark.BytesSerializerBenchmark"
 * </pre>
 */
public final class BytesSerializerBenchmark {
  private static final int WARM_UP = 4;
  private static final int TURNS = 9;

  private BytesSerializerBenchmark() {}

  public static void main(String[] arguments) {
    for (int size : new int[] {64, 1024, 4096}) {
      tell(size, new BytesSerializer());
      tell(size, new KryoSerializer(new SparkConf()));
    }
  }

  private static void tell(int size, Serializer serializer) {
    int records = 100_000_000 / (size + 200);
    double[] writing = new double[TURNS];
    double[] reading = new double[TURNS];
    int bytes = 0;
    for (int turn = -WARM_UP; turn < TURNS; turn++) {
      long start = System.nanoTime();
      byte[] written = written(serializer, records, new byte[size]);
      long half = System.nanoTime();
      read(serializer, written, (long) records * size);
      long end = System.nanoTime();
      bytes = written.length;
      if (turn >= 0) {
        writing[turn] = (double) (half - start) / records;
        reading[turn] = (double) (end - half) / records;
      }
    }
    Arrays.sort(writing);
    Arrays.sort(reading);
    System.out.printf(
        Locale.ROOT,
        "%d bytes by %s: written in %.0f ns, read in %.0f ns, %d bytes more%n",
        size,
        serializer.getClass().getSimpleName(),
        writing[TURNS / 2],
        reading[TURNS / 2],
        bytes / records - size);
  }

  private static byte[] written(Serializer serializer, int records, byte[] record) {
    ClassTag<Integer> key = ClassTag$.MODULE$.apply(Integer.class);
    ClassTag<byte[]> value = ClassTag$.MODULE$.apply(byte[].class);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(records * (record.length + 16));
    SerializationStream out = serializer.newInstance().serializeStream(bytes);
    for (int i = 0; i < records; i++) {
      out.writeKey(i % 1000, key);
      out.writeValue(record, value);
    }
    out.close();
    return bytes.toByteArray();
  }

  private static void read(Serializer serializer, byte[] bytes, long expected) {
    Iterator<Tuple2<Object, Object>> records =
        serializer
            .newInstance()
            .deserializeStream(new ByteArrayInputStream(bytes))
            .asKeyValueIterator();
    long read = 0;
    while (records.hasNext()) {
      read += ((byte[]) records.next()._2()).length;
    }
    if (read != expected) {
      throw new IllegalStateException(read + " bytes came back of " + expected);
    }
  }
}
