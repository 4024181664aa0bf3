package dev.ontogeny.job.shard;

import dev.ontogeny.data.CaptureFooter;
import dev.ontogeny.data.CaptureReader;
import dev.ontogeny.spark.Batched;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.api.java.function.PairFlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * Marks the first captured tokens of each document, wherever its positions begin: each of them is
 * sent a row without a vector, which meets the token's own rows in the shuffle. Where a document
 * begins is found by a pass over the flat columns of the first source and a shuffle of documents.
 */
final class ShardFirstTokens {
  private ShardFirstTokens() {}

  /** Keyed as {@link ShardReadTask} keys rows. */
  static JavaPairRDD<Integer, byte[]> marks(
      JavaSparkContext spark, ShardCapture capture, Broadcast<ShardPlan> plan) {
    List<CaptureReader.Split> splits =
        capture.splits().stream()
            .flatMap(List::stream)
            .filter(split -> capture.isOfFirstSource(split.file()))
            .toList();
    return spark
        .parallelize(splits, splits.size())
        .mapPartitionsToPair(new FirstPositions(plan))
        .reduceByKey(new Smaller())
        .mapPartitionsToPair(new Marks(plan));
  }

  /** The smallest position of each run of rows of one document. */
  private static final class FirstPositions
      implements PairFlatMapFunction<Iterator<CaptureReader.Split>, Object, Integer> {
    private static final long serialVersionUID = 1;

    private final Broadcast<ShardPlan> plan;

    FirstPositions(Broadcast<ShardPlan> plan) {
      this.plan = plan;
    }

    @Override
    public Iterator<Tuple2<Object, Integer>> call(Iterator<CaptureReader.Split> splits) {
      return new Batched<>() {
        @Override
        protected List<Tuple2<Object, Integer>> batch() throws IOException {
          return splits.hasNext() ? read(splits.next()) : null;
        }
      };
    }

    private List<Tuple2<Object, Integer>> read(CaptureReader.Split split) throws IOException {
      List<Tuple2<Object, Integer>> found = new ArrayList<>();
      ShardPlan known = plan.value();
      ShardPlan.Source first = known.sources().get(0);
      CaptureFooter footer = known.files().get(split.file());
      Object document = null;
      int least = 0;
      try (CaptureReader reader =
          CaptureReader.openFlat(footer, split, known.settings().columns())) {
        while (reader.next()) {
          if (!reader.site().equals(first.site()) || reader.checkpoint() != first.checkpoint()) {
            continue;
          }
          Object here =
              known.textDocuments() ? reader.documentText() : (Object) reader.documentNumber();
          int position = reader.position();
          if (here.equals(document)) {
            least = Math.min(least, position);
            continue;
          }
          if (document != null) {
            found.add(new Tuple2<>(document, least));
          }
          document = here;
          least = position;
        }
      }
      if (document != null) {
        found.add(new Tuple2<>(document, least));
      }
      return found;
    }
  }

  private static final class Smaller implements Function2<Integer, Integer, Integer> {
    private static final long serialVersionUID = 1;

    @Override
    public Integer call(Integer a, Integer b) {
      return Math.min(a, b);
    }
  }

  private static final class Marks
      implements PairFlatMapFunction<Iterator<Tuple2<Object, Integer>>, Integer, byte[]> {
    private static final long serialVersionUID = 1;

    private final Broadcast<ShardPlan> plan;

    Marks(Broadcast<ShardPlan> plan) {
      this.plan = plan;
    }

    @Override
    public Iterator<Tuple2<Integer, byte[]>> call(Iterator<Tuple2<Object, Integer>> documents) {
      return new Batched<>() {
        @Override
        protected List<Tuple2<Integer, byte[]>> batch() {
          return documents.hasNext() ? marks(documents.next()) : null;
        }
      };
    }

    private List<Tuple2<Integer, byte[]>> marks(Tuple2<Object, Integer> document) {
      ShardPlan known = plan.value();
      List<Tuple2<Integer, byte[]>> marks = new ArrayList<>();
      ShardRow.Builder builder = new ShardRow.Builder();
      for (int i = 0; i < known.settings().skipFirstTokens(); i++) {
        int position = document._2() + i;
        if (position < 0) {
          break;
        }
        long hash =
            document._1() instanceof String text
                ? known.order().hash(text, position)
                : known.order().hash((Long) document._1(), position);
        Integer key = known.key(hash);
        if (key != null) {
          builder.fault(ShardRule.FIRST_TOKEN);
          if (document._1() instanceof String text) {
            builder.text(text);
          } else {
            builder.number((Long) document._1());
          }
          marks.add(new Tuple2<>(key, builder.address(position, 0, 0, 0, null).detail(0).build()));
        }
      }
      return marks;
    }
  }
}
