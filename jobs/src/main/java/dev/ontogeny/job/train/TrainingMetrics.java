package dev.ontogeny.job.train;

import dev.ontogeny.spark.RunMetrics;
import dev.ontogeny.train.TrainingProgress;
import org.apache.spark.util.LongAccumulator;

/** Training as the progress line and Spark's metrics tell it. */
record TrainingMetrics(LongAccumulator rows) implements TrainingProgress {
  @Override
  public void stepped(long tokens) {
    rows.add(tokens);
  }

  @Override
  public void logged(String dictionary, long tokens, double loss, double fvu) {
    RunMetrics.training(dictionary, tokens, loss, fvu);
  }

  @Override
  public void ended(String dictionary) {
    RunMetrics.trained(dictionary);
  }
}
