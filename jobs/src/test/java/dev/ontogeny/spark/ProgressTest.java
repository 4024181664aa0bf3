package dev.ontogeny.spark;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.apache.spark.api.java.JavaFutureAction;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.LongAccumulator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class ProgressTest {
  @Test
  void aLineHasWhatIsKnown() {
    assertThat(Progress.Stage.line("Sharding", 0, 12, 0, 0, 3)).isEqualTo("Sharding  0/12 tasks");
    assertThat(Progress.Stage.line("Sharding", 3, 12, 0, 0, 30))
        .isEqualTo("Sharding  3/12 tasks  90 s left");
    assertThat(Progress.Stage.line("Sharding", 3, 12, 60_000, 0, 30))
        .isEqualTo("Sharding  3/12 tasks  60.0k rows  2000 rows/s  90 s left");
    assertThat(Progress.Stage.line("Training", 0, 1, 2_000_000, 50_000_000, 100))
        .isEqualTo("Training  0/1 tasks  2000.0k/50.0M rows  20.0k rows/s  40 min left");
    assertThat(Progress.Stage.line("Training", 1, 1, 50_000_000, 50_000_000, 100))
        .isEqualTo("Training  1/1 tasks  50.0M/50.0M rows  500.0k rows/s");
  }

  @Test
  @Timeout(120)
  void aRunningTaskTellsItsRows() throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (Progress progress =
            Progress.live(new PrintStream(bytes, true, StandardCharsets.UTF_8), 70);
        SparkSession spark = SparkRuntime.open("progress", progress)) {
      JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
      LongAccumulator rows = spark.sparkContext().longAccumulator(Progress.ROWS);
      context.setLocalProperty(Progress.EXPECTED_ROWS, "400");
      spark.sparkContext().setJobDescription("Counting what  is\nthere");
      JavaFutureAction<Void> action =
          context.parallelize(List.of(1, 2), 2).foreachAsync(new Count(rows));
      while (!text(bytes).contains("Counting what is there  1/2 tasks  200/400 rows")) {
        Thread.sleep(20);
      }
      Count.GO_ON.countDown();
      action.get();
    }
    assertThat(text(bytes).split("\r\u001b\\[K"))
        .allSatisfy(line -> assertThat(line.length()).isLessThan(70));
    assertThat(text(bytes)).endsWith("\r\u001b[K");
  }

  private static String text(ByteArrayOutputStream bytes) {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  /** The first task ends at once, the second waits for the test after it has counted. */
  private static final class Count implements VoidFunction<Integer>, Serializable {
    private static final long serialVersionUID = 1;
    private static final CountDownLatch GO_ON = new CountDownLatch(1);

    private final LongAccumulator rows;

    Count(LongAccumulator rows) {
      this.rows = rows;
    }

    @Override
    public void call(Integer task) throws InterruptedException {
      rows.add(100);
      if (task == 2) {
        GO_ON.await();
      }
    }
  }
}
