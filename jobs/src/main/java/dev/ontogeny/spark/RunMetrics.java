package dev.ontogeny.spark;

import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricRegistry;
import java.io.IOException;
import java.io.Serializable;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.apache.spark.SparkContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A source of Spark's metrics: rows of all stages so far, and of every dictionary that is in
 * training its tokens, loss and unexplained variance. All stand at the driver, which is where pages
 * and Prometheus look; what tasks know of dictionaries executors send there. {@link SparkRuntime}
 * turns it on.
 */
public final class RunMetrics implements SparkPlugin {
  private static final Logger LOG = LoggerFactory.getLogger(RunMetrics.class);

  /** How rows are counted on the driver; 0 before a session is open. */
  private static volatile LongSupplier rows = () -> 0;

  /** This process's way to the driver; null where no executor runs in it. */
  private static volatile PluginContext driver;

  /**
   * How a dictionary does.
   *
   * @param ended true where it is in training no more; the numbers then say nothing
   */
  record Training(String dictionary, long tokens, double loss, double fvu, boolean ended)
      implements Serializable {}

  /** From here on rows are counted so. Called on the driver. */
  static void countRowsBy(LongSupplier count) {
    rows = count;
  }

  /** Tells how a dictionary does that is trained in this process; quiet where nobody listens. */
  public static void training(String dictionary, long tokens, double loss, double fvu) {
    send(new Training(dictionary, tokens, loss, fvu, false));
  }

  /** Tells that it is in training no more. */
  public static void trained(String dictionary) {
    send(new Training(dictionary, 0, 0, 0, true));
  }

  private static void send(Training training) {
    PluginContext to = driver;
    if (to != null) {
      try {
        to.send(training);
      } catch (IOException lost) {
        LOG.debug("the driver did not hear of {}", training.dictionary(), lost);
      }
    }
  }

  @Override
  public DriverPlugin driverPlugin() {
    return new OnDriver();
  }

  @Override
  public ExecutorPlugin executorPlugin() {
    return new ExecutorPlugin() {
      @Override
      public void init(PluginContext context, Map<String, String> extra) {
        driver = context;
      }

      @Override
      public void shutdown() {
        driver = null;
      }
    };
  }

  /** Keeps what is shown. */
  static final class OnDriver implements DriverPlugin {
    private final Map<String, AtomicReference<Training>> now = new ConcurrentHashMap<>();
    private MetricRegistry registry;

    @Override
    public Map<String, String> init(SparkContext spark, PluginContext context) {
      return Map.of();
    }

    @Override
    public void registerMetrics(String application, PluginContext context) {
      register(context.metricRegistry());
    }

    void register(MetricRegistry into) {
      registry = into;
      registry.register("rows", (Gauge<Long>) () -> rows.getAsLong());
      registry.register("dictionaries.training", (Gauge<Integer>) now::size);
    }

    /** From an executor; several threads may call. */
    @Override
    public synchronized Object receive(Object message) {
      if (message instanceof Training training) {
        String name = MetricRegistry.name("dictionary", training.dictionary());
        AtomicReference<Training> there = now.get(training.dictionary());
        if (training.ended()) {
          if (now.remove(training.dictionary()) != null) {
            registry.remove(name + ".tokens");
            registry.remove(name + ".loss");
            registry.remove(name + ".fvu");
          }
        } else if (there != null) {
          there.set(training);
        } else {
          // A page that is just being drawn shows the last of it where it has ended.
          AtomicReference<Training> first = new AtomicReference<>(training);
          now.put(training.dictionary(), first);
          registry.register(name + ".tokens", (Gauge<Long>) () -> first.get().tokens());
          registry.register(name + ".loss", (Gauge<Double>) () -> first.get().loss());
          registry.register(name + ".fvu", (Gauge<Double>) () -> first.get().fvu());
        }
      }
      return null;
    }
  }
}
