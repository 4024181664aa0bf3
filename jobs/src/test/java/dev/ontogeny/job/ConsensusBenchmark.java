package dev.ontogeny.job;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.ontogeny.data.Folder;
import dev.ontogeny.demo.CaptureWriter;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.demo.PlantedComparison.Result;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * How well merged dictionaries tell births, on the planted half of {@code ontogeny demo} (96
 * features in 64 dimensions, 12 checkpoints, chains of TopK dictionaries): tracks of the first
 * replica by their confidence, then all tracks of the consensus, which has no other to be confirmed
 * by. Not part of the tests; it prints, and asserts nothing.
 *
 * <pre>{@code
 * mvn -q test -pl common,jobs -Dtest=ConsensusBenchmark -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dontogeny.replicas=2 -Dontogeny.mode=chain -Dontogeny.share=0.5 -Dontogeny.cosine=0.7 \
 *     -Dontogeny.by=seed -Dontogeny.seed=0
 * }</pre>
 */
class ConsensusBenchmark {
  private static final int REPLICAS = Integer.getInteger("ontogeny.replicas", 2);
  private static final String MODE = System.getProperty("ontogeny.mode", "chain");
  private static final String BY = System.getProperty("ontogeny.by", "seed");
  private static final String SHARE = System.getProperty("ontogeny.share", "0.5");
  private static final String COSINE = System.getProperty("ontogeny.cosine", "0.7");
  private static final long SEED = Long.getLong("ontogeny.seed", 0);

  @TempDir private Path folder;

  private Folder at(String name) {
    return Folder.of(folder.resolve(name).toString());
  }

  @Test
  void births() throws IOException {
    PlantedActivations planted =
        new PlantedActivations(PlantedActivations.Plan.of(SEED, 64, 96, 12));
    for (int t = 0; t < planted.plan().checkpoints().size(); t++) {
      CaptureWriter.write(at("capture"), "blocks.0.hook_resid_post", planted, 768, t);
    }
    String type = MODE.equals("crosscoder") ? "batch-top-k" : "top-k";
    Config pipeline =
        ConfigFactory.parseString(
            String.format(
                Locale.ROOT,
                """
                work = "%s"
                shard { input = "%s", seed = %d, shards = 8, held-out-share = 0.125 }
                train {
                  seed = %3$d, mode = %s, replicas = %d, replicas-by = %s
                  consensus { share = %s, cosine = %s }
                  dictionaries = [ { type = %s, width = 256, k = 4 } ]
                  training {
                    batch = 512, tokens = 400000, link-tokens = 150000, learning-rate = 5e-4
                    warm-up = 0.05, decay = 0.3, dead-window = 4000
                  }
                }
                measure { seed = %3$d }
                evolve { seed = %3$d, formation { tracks = 128 } }
                """,
                folder,
                at("capture"),
                SEED,
                MODE,
                REPLICAS,
                BY,
                SHARE,
                COSINE,
                type));
    try (SparkSession spark = BenchmarkDataset.session(folder, 2)) {
      for (Pipeline.Step<?> step : Pipeline.of(Main.jobs(), pipeline, "benchmark").steps()) {
        if (!step.job().name().equals("report")) {
          step.run(spark)
              .lines()
              .forEach(line -> System.out.println(step.job().name() + ": " + line));
        }
      }
    }
    String family = MODE + "-blocks.0.hook_resid_post-" + type + "-w256-k4";
    System.out.println("                    tracks  found  births: precision  recall  F1");
    for (double confidence : List.of(0.0, 0.5, 0.7, 0.8, 0.9, 0.95)) {
      tell(planted, "confidence " + confidence, family + "-r0", confidence);
    }
    tell(planted, "consensus", family + "-consensus-r0", 0);
  }

  private void tell(PlantedActivations planted, String what, String series, double confidence)
      throws IOException {
    Result result =
        PlantedBirths.compare(planted, at("dictionaries"), at("evolution"), series, confidence);
    System.out.printf(
        Locale.ROOT,
        "%-18s  %6d  %5d  %17.3f  %6.3f  %5.3f%n",
        what,
        result.tracks(),
        result.found(),
        result.births().precision(),
        result.births().recall(),
        result.births().f1());
  }
}
