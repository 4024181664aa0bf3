package dev.ontogeny.data;

import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A run's hold on the folder that it publishes into: of two runs one gets it, and the other has
 * touched nothing. Kept by a file below {@code _progress/claims/} that is rewritten every few
 * seconds, so that a run that was killed does not hold the folder for ever: on its own machine it
 * is known at once that its process is gone, elsewhere after {@link Timing#window}.
 *
 * <p>Works on every store that lists what was written before, without locks or conditional writes:
 * a run asks, then looks who else asks. Whoever sees nobody else holds the folder; of those that
 * see each other the one whose name is smaller stays and waits until the others have given way. Two
 * cannot both hold it, since each wrote before it looked, so that the later of the two looks sees
 * the other.
 */
public final class Claim implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Claim.class);

  static final String CLAIMS = Publication.PROGRESS + "/claims";

  /** How often the folder of claims may vanish under one write; each run sweeps it once. */
  private static final int SWEPT_AT_MOST = 10;

  /** Runs of this very process that hold or ask for a folder. */
  private static final Set<String> LIVE = ConcurrentHashMap.newKeySet();

  /**
   * How often a claim is renewed, how long one of another machine may stand unchanged before its
   * run counts as dead, and how often others are looked at while they decide.
   */
  record Timing(long beatMillis, long window, long pollMillis) {
    static final Timing USUAL = new Timing(5_000, 30_000, 50);
  }

  /**
   * What a run says of itself.
   *
   * @param machine this boot of this machine and its process numbers; null where that is not known
   * @param processStarted in ticks since the machine's boot, which no change of its clock moves,
   *     since numbers of processes come again; 0 where that is not known
   * @param held false while it still asks
   * @param beats grows while the run lives
   * @param over runs that it found dead
   */
  record Run(
      String run,
      String kind,
      String host,
      long process,
      long processStarted,
      String machine,
      String since,
      boolean held,
      long beats,
      List<String> over) {

    String described() {
      return String.format(
          Locale.ROOT, "%s (%s, process %d on %s, since %s)", run, kind, process, host, since);
    }
  }

  private final Publication publication;
  private final Timing timing;
  private final ScheduledExecutorService clock;
  private final Map<String, Seen> watched = new HashMap<>();
  private final Set<String> dead = new HashSet<>();
  private Run self;
  private final long begun = System.nanoTime();
  private boolean resumed;
  private boolean done;
  private volatile Failure lost;

  /** The text of another run's claim and since when it has stood so, by this JVM's clock. */
  private record Seen(String text, long since) {}

  /**
   * Takes the folder.
   *
   * @throws Failure of kind busy that names the other run, if another run has it
   */
  static Claim take(Publication publication, Timing timing) {
    Claim claim = new Claim(publication, timing);
    boolean taken = false;
    try {
      claim.ask();
      taken = true;
      return claim;
    } catch (IOException e) {
      throw Failure.resources(
              "output %s cannot be written to: %s", publication.folder(), e.getMessage())
          .causedBy(e);
    } finally {
      if (!taken) {
        claim.close();
      }
    }
  }

  /**
   * Looks whether anybody has the folder, and writes nothing.
   *
   * @throws Failure of usage that names the run that has it
   */
  static void requireNone(Publication publication, Timing timing) throws IOException {
    try (Claim looking = new Claim(publication, timing)) {
      looking.refuseIfAlive(looking.others());
    }
  }

  private Claim(Publication publication, Timing timing) {
    this.publication = publication;
    this.timing = timing;
    ProcessHandle process = ProcessHandle.current();
    self =
        new Run(
            publication.run(),
            publication.kind(),
            host(),
            process.pid(),
            started(process.pid()),
            machine(),
            Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
            false,
            0,
            List.of());
    LIVE.add(self.run());
    clock =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "claim");
              thread.setDaemon(true);
              return thread;
            });
  }

  private void ask() throws IOException {
    for (List<Run> others = others(); !others.isEmpty(); others = others()) {
      refuseIfAlive(others);
    }
    write();
    for (List<Run> others = others(); !others.isEmpty(); others = others()) {
      for (Run other : others) {
        if (other.held() || other.run().compareTo(self.run()) < 0) {
          refuseIfAlive(List.of(other));
        } else if (life(other.run()) == Life.OVER) {
          dead.add(other.run());
        }
      }
      pause();
    }
    self = with(true, List.copyOf(dead));
    write();
    for (String each : dead) {
      publication.folder().delete(path(each));
    }
    var unused =
        clock.scheduleAtFixedRate(
            this::beat, timing.beatMillis(), timing.beatMillis(), TimeUnit.MILLISECONDS);
  }

  /** Fails if one of these runs lives; otherwise each is noted as dead, which may take a while. */
  private void refuseIfAlive(List<Run> others) throws IOException {
    for (Run other : others) {
      boolean told = false;
      for (Life life = life(other.run()); !dead.contains(other.run()); life = life(other.run())) {
        if (life == Life.LIVES) {
          throw Failure.busy(
              "output %s is being written by another run, %s: wait for that run%s",
              publication.folder(),
              latest(other).described(),
              publication.identity().isEmpty() ? "" : ", or choose another output");
        } else if (life == Life.OVER) {
          if (text(other.run()) != null) {
            LOG.info("run {} is over: it holds the folder no more", latest(other).described());
          }
          dead.add(other.run());
        } else {
          if (!told) {
            LOG.info(
                "run {} has begun {}: looking for up to {} s whether it lives",
                latest(other).described(),
                publication.folder(),
                TimeUnit.MILLISECONDS.toSeconds(timing.window()));
          }
          told = true;
          pause();
        }
      }
    }
  }

  private enum Life {
    LIVES,
    OVER,
    UNKNOWN
  }

  /** What can be said of another run by now. */
  private Life life(String run) throws IOException {
    String text = text(run);
    if (text == null) {
      return Life.OVER;
    }
    Run other = parsed(run, text);
    if (self.machine() != null && self.machine().equals(other.machine())) {
      boolean lives =
          other.process() == self.process()
              ? LIVE.contains(run)
              : ProcessHandle.of(other.process())
                  .filter(ProcessHandle::isAlive)
                  .filter(process -> started(process.pid()) == other.processStarted())
                  .isPresent();
      return lives ? Life.LIVES : Life.OVER;
    }
    long now = System.nanoTime();
    Seen seen = watched.computeIfAbsent(run, first -> new Seen(text, now));
    if (!seen.text().equals(text)) {
      return Life.LIVES;
    }
    long still = TimeUnit.NANOSECONDS.toMillis(now - seen.since());
    return still >= timing.window() ? Life.OVER : Life.UNKNOWN;
  }

  private Run latest(Run run) throws IOException {
    String text = text(run.run());
    return text == null ? run : parsed(run.run(), text);
  }

  /** All other runs that claim this folder and are not known to be dead. */
  private List<Run> others() throws IOException {
    List<Run> others = new ArrayList<>();
    for (String file : publication.folder().list(CLAIMS)) {
      String run = file.substring(file.lastIndexOf('/') + 1).replaceFirst("\\.json$", "");
      if (!file.endsWith(".json") || run.equals(self.run()) || dead.contains(run)) {
        continue;
      }
      String text = text(run);
      if (text != null) {
        others.add(parsed(run, text));
      }
    }
    return others;
  }

  /** A claim that is just being written, or was cut off, counts as one that asks. */
  private static Run parsed(String run, String text) {
    try {
      Run parsed = Json.read(text, Run.class, run);
      if (parsed != null && run.equals(parsed.run())) {
        return parsed;
      }
    } catch (Failure beingWritten) {
      // Below.
    }
    return new Run(run, "unknown", "unknown", 0, 0, null, "unknown", false, 0, List.of());
  }

  /** What another run's claim says; null if it has given way. */
  private String text(String run) throws IOException {
    try {
      return publication.folder().readText(path(run));
    } catch (FileNotFoundException gone) {
      return null;
    }
  }

  /**
   * A run that has just published takes all of {@code _progress} away, perhaps between the making
   * of a folder there and the writing into it: then once more.
   */
  private void write() throws IOException {
    for (int again = 0; ; again++) {
      try {
        publication.folder().replaceText(path(self.run()), Json.pretty(self));
        return;
      } catch (FileNotFoundException | NoSuchFileException | FileAlreadyExistsException swept) {
        if (again == SWEPT_AT_MOST) {
          throw swept;
        }
        pause();
      }
    }
  }

  private Run with(boolean held, List<String> over) {
    return new Run(
        self.run(),
        self.kind(),
        self.host(),
        self.process(),
        self.processStarted(),
        self.machine(),
        self.since(),
        held,
        self.beats() + 1,
        over);
  }

  private static String path(String run) {
    return CLAIMS + "/" + run + ".json";
  }

  private void beat() {
    try {
      confirm();
      self = with(true, self.over());
      write();
    } catch (Failure another) {
      // This process slept so long that another run took over: nothing more may be written.
      SparkSession.getDefaultSession()
          .foreach(
              session -> {
                SparkContext spark = session.sparkContext();
                spark.cancelAllJobs();
                return null;
              });
    } catch (IOException later) {
      LOG.warn(
          "the claim on {} could not be renewed: {}",
          publication.folder(),
          String.valueOf(later.getMessage()));
    }
  }

  /**
   * Fails if another run took the folder over because this one seemed dead. Called before anything
   * is published.
   */
  void confirm() throws IOException {
    if (lost == null) {
      for (Run other : others()) {
        if (other.over() != null && other.over().contains(self.run())) {
          lost =
              Failure.busy(
                  "output %s was taken over by another run, %s, since this one seemed dead: it goes on there",
                  publication.folder(), other.described());
        }
      }
    }
    if (lost != null) {
      throw lost;
    }
  }

  /** Notes that another run had begun what is published here. */
  void resumes() {
    resumed = true;
  }

  /** Whether another run had begun what is published here. */
  public boolean resumed() {
    return resumed;
  }

  /** Seconds since the folder was asked for. */
  public double seconds() {
    return (System.nanoTime() - begun) / 1e9;
  }

  /** The folder is published: nothing that stands below {@code _progress} is needed any more. */
  void done() {
    done = true;
  }

  private void pause() {
    try {
      Thread.sleep(timing.pollMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Failure.resources("interrupted while waiting for %s", publication.folder()).causedBy(e);
    }
  }

  private static String host() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException unnamed) {
      return "a host without a name";
    }
  }

  /**
   * Java tells the time by the clock, reckoned from a boot that moves when the clock is set: two
   * JVMs, one started before that and one after, would disagree about a third.
   */
  static long started(long process) {
    try {
      String stat = Files.readString(Path.of("/proc", Long.toString(process), "stat"));
      // The name in brackets, the second field, may hold spaces; the time is the 22nd.
      return Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[19]);
    } catch (IOException | RuntimeException unknown) {
      return 0;
    }
  }

  /**
   * Names where a process number means the same process: this boot of this machine, and its
   * namespace of processes.
   */
  private static String machine() {
    try {
      String boot = Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
      return boot + " " + Files.readSymbolicLink(Path.of("/proc/self/ns/pid"));
    } catch (IOException | RuntimeException unknown) {
      return null;
    }
  }

  /**
   * Gives the folder up.
   *
   * @throws Failure of kind busy if another run had taken it over
   */
  @Override
  public void close() {
    clock.shutdown();
    LIVE.remove(self.run());
    try {
      // What is being written right now would stand there after the rest was taken away.
      clock.awaitTermination(timing.window(), TimeUnit.MILLISECONDS);
      publication.folder().delete(done ? Publication.PROGRESS : path(self.run()));
    } catch (IOException leftOver) {
      // It is not renewed any more, which tells others that this run is over.
      LOG.warn("the claim on {} stays: {}", publication.folder(), leftOver.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (lost != null) {
      throw lost;
    }
  }
}
