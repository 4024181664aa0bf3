package dev.ontogeny.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.train.RoundStore.Averaged;
import dev.ontogeny.train.RoundStore.Done;
import dev.ontogeny.train.RoundStore.Shared;
import dev.ontogeny.type.BatchTopK;
import dev.ontogeny.type.Target;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RoundTrainerTest {
  private static final KernelProvider KERNELS = Kernels.provider("cpu", 1);

  @TempDir private Path folder;

  /** The same dictionary however many files its states are cut into. */
  @Test
  void partsMakeNoDifference() throws IOException {
    Folder data = Folder.of(folder.resolve("dataset").toString());
    PlantedActivations planted = new PlantedActivations(PlantedActivations.Plan.of(5, 16, 20, 6));
    ShardedDataset dataset = DatasetFixture.publish(data, planted, 40, 5);
    Source source = new Source(DatasetFixture.SITE, 500, 16);
    DictionaryPlan plan =
        new DictionaryPlan(
            "test",
            "test",
            0,
            null,
            0,
            null,
            null,
            List.of(source),
            Target.AUTOENCODER,
            Weighting.UNIFORM,
            new TrainingSpecification(
                41,
                new BatchTopK(4, 0, 0.95),
                8,
                1.0 / 32,
                3000,
                new Optimiser(0.9, 0.999, 1e-8, 1, 0, 0.9)),
            new Schedule(3e-3, 0.1, 0.2),
            7,
            32,
            42,
            new Rounds(3, 3, 0.9, 0.5),
            "link");
    Dictionary initial =
        plan.specification()
            .started(
                InitialDictionary.random(
                    source, dataset.moments(source.site(), 500), 41, 4, plan.seed()));
    Dictionary whole = train(dataset, plan, initial, 1);
    Dictionary parts = train(dataset, plan, initial, 3);
    assertThat(parts.encoder().values()).isEqualTo(whole.encoder().values());
    assertThat(parts.decoder().values()).isEqualTo(whole.decoder().values());
    assertThat(parts.threshold()).isEqualTo(whole.threshold());
    assertThat(whole.threshold()[0]).isPositive();
    assertThat(whole.encoder().values()).isNotEqualTo(initial.encoder().values());
  }

  private Dictionary train(
      ShardedDataset dataset, DictionaryPlan plan, Dictionary initial, int parts)
      throws IOException {
    RoundStore store =
        new RoundStore(Folder.of(folder.resolve("parts-" + parts).toString()), "state", "once");
    RoundTrainer trainer = new RoundTrainer(plan, store, parts);
    BatchStream.Order order =
        new BatchStream.Order(plan.sources(), List.of(0, 1, 2, 3), plan.seed());
    trainer.begin(initial, KERNELS);
    for (int round = 0; round < 3; round++) {
      Shared shared = store.latest().orElseThrow();
      assertThat(shared.rounds()).isEqualTo(round);
      List<Done> workers = new ArrayList<>();
      for (int worker = 0; worker < 3; worker++) {
        workers.add(trainer.work(dataset, initial, KERNELS, order, shared, worker, tokens -> {}));
      }
      List<Averaged> averaged = new ArrayList<>();
      for (int part = 0; part < parts; part++) {
        averaged.add(trainer.average(shared, workers, part));
      }
      store.publish(trainer.next(shared, workers, averaged));
    }
    return trainer.end(initial, KERNELS, store.latest().orElseThrow()).dictionary();
  }
}
