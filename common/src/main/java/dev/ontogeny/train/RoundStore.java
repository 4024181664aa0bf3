package dev.ontogeny.train;

import dev.ontogeny.data.Folder;
import dev.ontogeny.run.Json;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What workers of one dictionary leave for each other in a store that all of them see. Folder n
 * holds what round n came to, n from 1 on: what each worker had at its end, cut into parts, and the
 * common state that followed, in the same parts; folder 0 the state that the first round begins
 * with. Every file has a name of its own attempt, and counts once a record names it: a worker's,
 * when it is done, and that of the round, when all of its parts are there. So a round is there
 * whole or not at all, and a worker that was done is not asked again.
 */
public final class RoundStore {
  private static final String LATEST = "latest.json";

  private final Folder folder;
  private final String path;
  private final String attempt;

  /**
   * Of one dictionary.
   *
   * @param path within the folder
   * @param attempt names what is written here, as nothing else is named
   */
  public RoundStore(Folder folder, String path, String attempt) {
    this.folder = folder;
    this.path = path;
    this.attempt = attempt;
  }

  /**
   * The state after so many rounds.
   *
   * @param parts files, in the order of the latents
   * @param log a row for each round
   */
  public record Shared(int rounds, List<String> parts, List<LogRow> log) implements Serializable {
    /** How the last round went: means over its steps. */
    public Told told() {
      LogRow last = log.get(log.size() - 1);
      return new Told(last.loss(), last.fvu(), last.l0(), last.deadShare(), last.tokensPerSecond());
    }
  }

  /**
   * A round in numbers.
   *
   * @param deadShare at its end
   * @param tokensPerSecond as if all workers had worked at once
   */
  public record Told(
      double loss, double fvu, double l0, double deadShare, double tokensPerSecond) {}

  /**
   * What a worker did in a round.
   *
   * @param parts files, in the order of the latents; none if it failed
   * @param sums over its steps
   * @param failure why it ended before its steps were done; null if it did not
   */
  public record Done(int worker, List<String> parts, LogRow.Sums sums, String failure)
      implements Serializable {}

  /**
   * A part of a state that comes out of a round.
   *
   * @param dead latents of it that are dead
   */
  public record Averaged(int part, String file, int dead) implements Serializable {}

  /** The last round that is there whole; none before the first weights are. */
  public Optional<Shared> latest() throws IOException {
    return record(LATEST, Shared.class);
  }

  /** Makes a state that is there in full the latest, and forgets the one before. */
  public void publish(Shared common) throws IOException {
    folder.replaceText(path + "/" + LATEST, Json.line(common));
    if (common.rounds() > 0) {
      folder.delete(path + "/" + (common.rounds() - 1));
    }
  }

  /** What a worker did in a round, from 1 on, if it is done. */
  public Optional<Done> done(int round, int worker) throws IOException {
    return record(workerName(round, worker) + ".json", Done.class);
  }

  /** Forgets all of it. */
  public void clear() throws IOException {
    folder.delete(path);
  }

  void finish(int round, Done done) throws IOException {
    folder.replaceText(path + "/" + workerName(round, done.worker()) + ".json", Json.line(done));
  }

  String writePart(int round, int worker, int part, Map<String, float[]> tensors)
      throws IOException {
    return write(workerName(round, worker) + "-part-" + part, tensors);
  }

  String writeCommon(int round, int part, Map<String, float[]> tensors) throws IOException {
    return write(round + "/common-part-" + part, tensors);
  }

  Map<String, float[]> read(String file) throws IOException {
    return StateStore.read(folder, file);
  }

  private String write(String name, Map<String, float[]> tensors) throws IOException {
    String file = path + "/" + name + "-" + attempt + ".safetensors";
    StateStore.write(folder, file, tensors);
    return file;
  }

  private static String workerName(int round, int worker) {
    return round + "/worker-" + worker;
  }

  private <T> Optional<T> record(String name, Class<T> type) throws IOException {
    try {
      String text = folder.readText(path + "/" + name);
      return Optional.of(Json.read(text, type, folder.resolve(path + "/" + name)));
    } catch (FileNotFoundException none) {
      return Optional.empty();
    }
  }
}
