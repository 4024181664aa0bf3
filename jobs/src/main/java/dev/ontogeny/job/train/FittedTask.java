package dev.ontogeny.job.train;

import dev.ontogeny.data.Moments;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.DictionaryMetadata.Quality;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.spark.Gpus;
import dev.ontogeny.train.InitialDictionary;
import java.io.IOException;
import java.util.List;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.broadcast.Broadcast;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Publishes a dictionary that MLlib has fitted, with its quality on held-out rows. */
final class FittedTask implements VoidFunction<FittedPlan> {
  private static final long serialVersionUID = 1;
  private static final Logger LOG = LoggerFactory.getLogger(FittedTask.class);

  private final Broadcast<ShardedDataset> dataset;
  private final Broadcast<MllibFit.Weights> weights;
  private final Publication publication;
  private final TrainSettings settings;
  private final int threads;

  FittedTask(
      Broadcast<ShardedDataset> dataset,
      Broadcast<MllibFit.Weights> weights,
      Publication publication,
      TrainSettings settings,
      int threads) {
    this.dataset = dataset;
    this.weights = weights;
    this.publication = publication;
    this.settings = settings;
    this.threads = threads;
  }

  @Override
  public void call(FittedPlan plan) throws IOException {
    DictionaryFiles files =
        new DictionaryFiles(
            dataset.value(), publication, settings, Gpus.provider(settings.kernel(), threads));
    MllibFit.Weights fitted = weights.value();
    if (fitted.failure() != null) {
      files.failed(plan.id(), fitted.failure());
      return;
    }
    Dictionary dictionary = dictionary(plan, fitted);
    Quality quality =
        files.write(
            dictionary,
            found ->
                new DictionaryMetadata(
                    DictionaryMetadata.VERSION,
                    plan.id(),
                    plan.family(),
                    dictionary.type(),
                    dictionary.target(),
                    dictionary.width(),
                    dictionary.k(),
                    dictionary.sources(),
                    plan.seed(),
                    plan.replica(),
                    null,
                    plan.index(),
                    null,
                    null,
                    plan.link(),
                    dictionary.type().rule() + dictionary.target().rule(),
                    new DictionaryMetadata.Training(
                        plan.rows(dataset.value()), plan.settings(dataset.value())),
                    found),
            List.of(),
            0);
    LOG.info("{}: {}", plan.id(), DictionaryFiles.told(quality));
  }

  private Dictionary dictionary(FittedPlan plan, MllibFit.Weights fitted) throws IOException {
    int inputs = plan.source().width();
    Moments moments = dataset.value().moments(plan.source().site(), plan.source().checkpoint());
    return new Dictionary(
        plan.type().type(),
        List.of(plan.source()),
        plan.type().selection().k(),
        new FloatMatrix(inputs, plan.width(), fitted.encoder()),
        new float[plan.width()],
        new FloatMatrix(plan.width(), inputs, fitted.decoder()),
        new float[inputs],
        MllibFit.mean(plan, moments),
        new float[] {InitialDictionary.scale(plan.source(), moments)});
  }
}
