package dev.ontogeny.spark;

import java.io.PrintStream;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.spark.ExceptionFailure;
import org.apache.spark.TaskFailedReason;
import org.apache.spark.scheduler.AccumulableInfo;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorMetricsUpdate;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerStageCompleted;
import org.apache.spark.scheduler.SparkListenerStageSubmitted;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Tuple4;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Tells people how far a long run is: one line that rewrites itself on a terminal, a log line every
 * ten seconds otherwise.
 *
 * <p>A stage is named by its job's description. Where a job counts its rows in a long accumulator
 * named {@link #ROWS}, the line has rows per second; where it also sets the local property {@link
 * #EXPECTED_ROWS} before the stage, the time left follows the rows instead of the tasks.
 */
public final class Progress extends SparkListener implements AutoCloseable {
  /** The name of the accumulator to which tasks add their rows while they work. */
  public static final String ROWS = "rows";

  /** The local property that holds how many rows the next stage will count. */
  public static final String EXPECTED_ROWS = "ontogeny.expected-rows";

  private static final Logger LOG = LoggerFactory.getLogger(Progress.class);
  private static final long LIVE_MILLIS = 250;
  private static final long LOG_MILLIS = 10_000;
  private static final String CLEAR = "\r\u001b[K";

  private final PrintStream terminal;
  private final int columns;
  private final Map<Integer, Stage> active = new LinkedHashMap<>();
  private final ScheduledExecutorService clock;
  private boolean drawn;
  private long rowsOfEnded;

  private Progress(PrintStream terminal, int columns) {
    this.terminal = terminal;
    this.columns = columns;
    this.clock =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "progress");
              thread.setDaemon(true);
              return thread;
            });
    long period = terminal == null ? LOG_MILLIS : LIVE_MILLIS;
    var unused = clock.scheduleAtFixedRate(this::show, period, period, TimeUnit.MILLISECONDS);
  }

  /** A line of at most {@code columns} characters that rewrites itself. */
  public static Progress live(PrintStream terminal, int columns) {
    return new Progress(terminal, columns);
  }

  /** Log lines. */
  public static Progress logged() {
    return new Progress(null, Integer.MAX_VALUE);
  }

  @Override
  public synchronized void onStageSubmitted(SparkListenerStageSubmitted event) {
    Properties properties = event.properties() == null ? new Properties() : event.properties();
    String description = properties.getProperty("spark.job.description", event.stageInfo().name());
    String expected = properties.getProperty(EXPECTED_ROWS);
    active.put(
        event.stageInfo().stageId(),
        new Stage(
            description,
            event.stageInfo().numTasks(),
            expected == null ? 0 : Long.parseLong(expected)));
  }

  @Override
  public synchronized void onExecutorMetricsUpdate(SparkListenerExecutorMetricsUpdate event) {
    Iterator<Tuple4<Object, Object, Object, Seq<AccumulableInfo>>> updates =
        CollectionConverters.asJava(event.accumUpdates().iterator());
    while (updates.hasNext()) {
      var update = updates.next();
      Stage stage = active.get((Integer) update._2());
      if (stage != null) {
        rows(CollectionConverters.asJava(update._4().iterator()))
            .ifPresent(rows -> stage.running.put((Long) update._1(), rows));
      }
    }
  }

  @Override
  public synchronized void onTaskEnd(SparkListenerTaskEnd event) {
    if (event.reason() instanceof TaskFailedReason failed) {
      LOG.warn(
          "task {} of stage {} failed on {} (attempt {}): {}",
          event.taskInfo().index(),
          event.stageId(),
          event.taskInfo().host(),
          event.taskInfo().attemptNumber() + 1,
          reason(failed));
    }
    Stage stage = active.get(event.stageId());
    if (stage == null) {
      return;
    }
    stage.running.remove(event.taskInfo().taskId());
    if (event.taskInfo().successful()) {
      stage.done++;
      stage.rows +=
          rows(CollectionConverters.asJava(event.taskInfo().accumulables().iterator()))
              .orElse(
                  event.taskMetrics() == null
                      ? 0L
                      : event.taskMetrics().inputMetrics().recordsRead());
    }
  }

  @Override
  public synchronized void onStageCompleted(SparkListenerStageCompleted event) {
    Stage stage = active.remove(event.stageInfo().stageId());
    rowsOfEnded += stage == null ? 0 : stage.rows;
    if (stage != null && event.stageInfo().failureReason().isEmpty()) {
      clear();
      // A query has dozens of stages that take no time: they would drown the ones that people wait
      // for.
      if (stage.seconds() >= 0.5) {
        LOG.info(stage.account());
      }
    }
  }

  @Override
  public void onExecutorRemoved(SparkListenerExecutorRemoved event) {
    LOG.warn("executor {} is gone: {}", event.executorId(), event.reason().strip());
  }

  /**
   * One line: a task that was stopped because another one failed repeats that one's whole trace.
   */
  private static String reason(TaskFailedReason failed) {
    String reason = failed.toErrorString();
    if (failed instanceof ExceptionFailure exception) {
      String description = exception.description() == null ? "" : exception.description();
      reason = exception.className().replaceFirst(".*\\.", "") + ": " + description;
    }
    return reason.strip().lines().findFirst().orElse("");
  }

  private static Optional<Long> rows(Iterator<AccumulableInfo> accumulables) {
    while (accumulables.hasNext()) {
      AccumulableInfo info = accumulables.next();
      if (info.name().contains(ROWS)
          && info.update().isDefined()
          && info.update().get() instanceof Long rows) {
        return Optional.of(rows);
      }
    }
    return Optional.empty();
  }

  /** Rows of all stages so far. */
  synchronized long rows() {
    return rowsOfEnded + active.values().stream().mapToLong(Stage::rowsSoFar).sum();
  }

  private synchronized void show() {
    if (active.isEmpty()) {
      clear();
      return;
    }
    String line = active.values().iterator().next().line();
    if (active.size() > 1) {
      line += String.format(Locale.ROOT, "  (+%d stages)", active.size() - 1);
    }
    if (terminal == null) {
      LOG.info(line);
    } else {
      terminal.print(CLEAR + line.substring(0, Math.min(line.length(), columns - 1)));
      terminal.flush();
      drawn = true;
    }
  }

  private void clear() {
    if (drawn) {
      terminal.print(CLEAR);
      terminal.flush();
      drawn = false;
    }
  }

  /** Stops telling and leaves the terminal's line empty. */
  @Override
  public void close() {
    clock.shutdownNow();
    synchronized (this) {
      clear();
    }
  }

  /** One running stage. */
  static final class Stage {
    private final String description;
    private final int tasks;
    private final long expectedRows;
    private final long started;
    private final Map<Long, Long> running = new LinkedHashMap<>();
    private int done;
    private long rows;

    Stage(String description, int tasks, long expectedRows) {
      this.description = description.strip().replaceAll("\\s+", " ");
      this.tasks = tasks;
      this.expectedRows = expectedRows;
      this.started = System.nanoTime();
    }

    private String line() {
      return line(description, done, tasks, rowsSoFar(), expectedRows, seconds());
    }

    private long rowsSoFar() {
      return rows + running.values().stream().mapToLong(Long::longValue).sum();
    }

    private double seconds() {
      return (System.nanoTime() - started) / 1e9;
    }

    private String account() {
      return description
          + ": "
          + tasks
          + (tasks == 1 ? " task" : " tasks")
          + (rows > 0 ? ", " + count(rows) + " rows" : "")
          + " in "
          + duration(seconds());
    }

    /** What is told of a stage {@code seconds} after its start. */
    static String line(
        String description, int done, int tasks, long rows, long expectedRows, double seconds) {
      StringBuilder line = new StringBuilder(description);
      line.append(String.format(Locale.ROOT, "  %d/%d tasks", done, tasks));
      if (rows > 0) {
        line.append("  ").append(count(rows));
        if (expectedRows > 0) {
          line.append('/').append(count(expectedRows));
        }
        line.append(" rows  ").append(count(Math.round(rows / Math.max(seconds, 1e-3))));
        line.append(" rows/s");
      }
      double share =
          expectedRows > 0 && rows > 0 ? (double) rows / expectedRows : (double) done / tasks;
      if (share > 0 && share < 1) {
        line.append("  ").append(duration(seconds * (1 - share) / share)).append(" left");
      }
      return line.toString();
    }

    private static String count(long value) {
      if (value < 10_000) {
        return Long.toString(value);
      } else if (value < 10_000_000) {
        return String.format(Locale.ROOT, "%.1fk", value / 1e3);
      }
      return String.format(Locale.ROOT, "%.1fM", value / 1e6);
    }

    private static String duration(double seconds) {
      if (seconds < 10) {
        return String.format(Locale.ROOT, "%.1f s", seconds);
      } else if (seconds < 120) {
        return Math.round(seconds) + " s";
      } else if (seconds < 7200) {
        return Math.round(seconds / 60) + " min";
      }
      return String.format(Locale.ROOT, "%.1f h", seconds / 3600);
    }
  }
}
