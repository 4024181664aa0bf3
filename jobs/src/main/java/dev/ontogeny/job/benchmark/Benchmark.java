package dev.ontogeny.job.benchmark;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.OperatingSystemMXBean;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.job.Terminal;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.StepProfile;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.kernel.cpu.MachineCeilings;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Problems;
import dev.ontogeny.run.Provenance;
import dev.ontogeny.run.SettingsReader;
import dev.ontogeny.train.InitialDictionary;
import dev.ontogeny.train.Schedule;
import dev.ontogeny.type.DictionarySettings;
import dev.ontogeny.type.DictionaryTypes;
import dev.ontogeny.type.Norms;
import dev.ontogeny.type.TypeDefaults;
import dev.ontogeny.type.TypeSettings;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Trains one dictionary on rows in memory and says how fast, where the time went and what the
 * machine could do at best: one line of JSON. Rows are centred by the training rows' mean and
 * scaled to a mean norm of √d; the last ones are held out for the FVU; only steps are timed.
 * Warm-up over the first tenth of the steps, of a penalty too, then constant.
 */
@Command(
    name = "benchmark",
    description = {
      "Trains one dictionary on rows of a Parquet file and prints one line of JSON: speed (median step; by the clock, and by"
          + " processor time, which other work on the machine changes less), held-out FVU and L0, memory; shares: of the threads' time, by part of the step; ceilings: what this machine reaches at the encoder's"
          + " product alone (fp32, bf16; GFLOP/s) and at reading memory (GB/s).",
      "What the type takes besides has the defaults of `train`: see `ontogeny train --help`, section types."
    },
    mixinStandardHelpOptions = true)
public final class Benchmark implements Callable<Integer> {
  /** The first steps pay for compilation. */
  private static final int UNTIMED_STEPS = 3;

  private final Terminal terminal;

  @Option(
      names = "--rows",
      required = true,
      description =
          "Parquet with a column `activation`, a list of floats per row, in random order.")
  private File rows;

  @Option(
      names = "--type",
      description =
          "One of ${COMPLETION-CANDIDATES}; top-k if absent, with several sources batch-top-k.",
      completionCandidates = Types.class)
  private String type;

  /** What can be trained, as {@code --help} tells it. */
  static final class Types implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return DictionaryTypes.trainableKeys().iterator();
    }
  }

  @Option(
      names = "--sources",
      description =
          "A crosscoder over so many sources, which share the columns of a row evenly (${DEFAULT-VALUE}).")
  private int sources = 1;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "A key of the type, for instance coefficient=0.1; may be repeated.")
  private List<String> assignments = new ArrayList<>();

  @Option(names = "--width", description = "Number of latents (${DEFAULT-VALUE}).")
  private int width = 8192;

  @Option(
      names = "--k",
      description = "Active latents of a row, for types that have it (${DEFAULT-VALUE}).")
  private int k = 32;

  @Option(names = "--tokens", description = "Rows to train on (${DEFAULT-VALUE}).")
  private long tokens = 400_000;

  @Option(names = "--batch", description = "Rows of a step (${DEFAULT-VALUE}).")
  private int batch = 4096;

  @Option(names = "--held", description = "Last rows, held out (${DEFAULT-VALUE}).")
  private int held = 8192;

  @Option(names = "--learning-rate", description = "Instead of 2e-4 / sqrt(width / 2^14).")
  private Double learningRate;

  @Option(names = "--threads", description = "Of the kernel; all processors if absent.")
  private Integer threads;

  @Option(
      names = "--kernel",
      description = "auto, cpu, cpu-fp32, cuda, nd4j or reference (${DEFAULT-VALUE}).")
  private String kernel = "auto";

  @Option(names = "--seed", description = "Of the initial directions (${DEFAULT-VALUE}).")
  private long seed;

  @Option(names = "--json", description = "One line of JSON, which is what it prints anyway.")
  @SuppressWarnings("UnusedVariable")
  private boolean json;

  public Benchmark(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() throws IOException {
    try {
      return run();
    } catch (Problems.Found e) {
      throw Failure.usage("%s", e.getMessage()).causedBy(e);
    }
  }

  private int run() throws IOException {
    new Problems()
        .atLeast("--width", width, 1)
        .atLeast("--k", k, 1)
        .atLeast("--sources", sources, 1)
        .atLeast("--batch", batch, 2)
        .atLeast("--tokens", (double) tokens, batch)
        .atLeast("--held", held, 1)
        .raise();
    TypeSettings settings = settings();
    BenchmarkRows data = BenchmarkRows.read(rows, sources, held);
    int inputs = data.all().columns();
    if (data.training() < batch) {
      throw Failure.data(
          "%s has %d rows: %d are held out and a batch needs %d",
          rows, data.all().rows(), held, batch);
    }
    int used = threads == null ? Runtime.getRuntime().availableProcessors() : threads;
    KernelProvider provider = Kernels.provider(kernel, used);
    double rate = learningRate == null ? Schedule.law(2e-4, width) : learningRate;
    Schedule schedule = new Schedule(rate, 0.1, 0, 0.1, 0);
    long steps = tokens / batch;
    double before = mebibytes("VmRSS");
    TrainingSpecification specification = specification(settings, inputs / sources);
    Dictionary initial = data.initial(width, settings.selection().k(), seed);
    if (settings.selection().k() > 0) {
      initial = InitialDictionary.fitted(initial, data.batch(0, batch), provider);
    }
    List<Double> seconds = new ArrayList<>();
    List<Double> processor = new ArrayList<>();
    StepProfile profile = new StepProfile();
    double profiled = 0;
    double total = 0;
    Dictionary trained;
    try (TrainingKernel kernel =
        provider.training(specification, specification.started(initial), batch)) {
      FloatMatrix next = data.batch(0, batch);
      for (long step = 0; step < steps; step++) {
        if (step == Math.min(UNTIMED_STEPS, steps - 1)) {
          kernel.profile(profile);
        }
        FloatMatrix rows = next;
        next = step + 1 < steps ? data.batch(step + 1, batch) : null;
        double processorStart = processorSeconds();
        long start = System.nanoTime();
        kernel.step(rows, schedule.at(step, steps), next);
        double took = (System.nanoTime() - start) / 1e9;
        seconds.add(took);
        processor.add(processorSeconds() - processorStart);
        total += took;
        profiled += step < Math.min(UNTIMED_STEPS, steps - 1) ? 0 : took;
      }
      trained = kernel.snapshot();
    }
    double peak = mebibytes("VmHWM");
    ObjectNode line = Json.object();
    line.put("peer", "ontogeny");
    line.put("version", Provenance.version());
    line.put("kernel", provider.name());
    line.put("type", trained.type().key());
    line.put("d", inputs / sources);
    line.put("sources", sources);
    line.put("width", width);
    line.put("k", trained.k());
    line.put("batch", batch);
    line.put("threads", used);
    line.put("tokens", steps * batch);
    line.put("tokens_per_s", Math.round(batch / median(seconds)));
    if (median(processor) > 0) {
      line.put("tokens_per_processor_s", Math.round(batch / median(processor)));
    }
    line.put("seconds", rounded(total, 10));
    line.put("rss_before_mib", Math.round(before));
    line.put("peak_rss_mib", Math.round(peak));
    evaluate(provider, trained, data, line);
    shares(profile, profiled * used, line);
    MachineCeilings ceilings = MachineCeilings.measure(inputs, width, batch, used);
    line.putObject("ceilings")
        .put("product_fp32_gflops", Math.round(ceilings.singleGflops()))
        .put("product_bf16_gflops", Math.round(ceilings.halfGflops()))
        .put("memory_gb_per_s", rounded(ceilings.sweepGigabytes(), 10));
    terminal.out().println(Json.line(line));
    return 0;
  }

  /** Of the steps after the first ones. */
  private static double median(List<Double> steps) {
    List<Double> timed =
        new ArrayList<>(steps.subList(Math.min(UNTIMED_STEPS, steps.size() - 1), steps.size()));
    timed.sort(null);
    return timed.get(timed.size() / 2);
  }

  /** Processor time of this process, which other work on the machine changes little. */
  private static double processorSeconds() {
    return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
        ? system.getProcessCpuTime() / 1e9
        : 0;
  }

  /** With the defaults of {@code train}. */
  private TypeSettings settings() {
    String name = type != null ? type : sources > 1 ? "batch-top-k" : "top-k";
    if (DictionaryTypes.offeredKeys().contains(name)
        && !DictionaryTypes.trainableKeys().contains(name)) {
      throw Failure.settings(
          "--type %s is fitted by Spark MLlib and no kernel trains it: take one of %s",
          name, String.join(", ", DictionaryTypes.trainableKeys()));
    }
    Config config =
        ConfigFactory.parseMap(Map.of("type", name, "width", width))
            .withFallback(ConfigFactory.parseMap(hasK(name) ? Map.of("k", k) : Map.of()));
    for (String assignment : assignments) {
      int at = assignment.indexOf('=');
      if (at < 1) {
        throw Failure.usage("--set takes key=value, got '%s'", assignment);
      }
      String key = assignment.substring(0, at);
      config =
          ConfigFactory.parseMap(Map.of(key, assignment.substring(at + 1))).withFallback(config);
    }
    DictionarySettings dictionary = SettingsReader.bind(DictionarySettings.class, config, "--type");
    TypeDefaults defaults =
        SettingsReader.bind(
            TypeDefaults.class,
            SettingsReader.defaults("train").getConfig("types"),
            "conf/jobs/train.conf");
    TypeSettings of = dictionary.with(defaults);
    if (sources > 1 && of.norms() == Norms.UNIT) {
      throw Failure.settings(
          "--type %s cannot be a crosscoder's, since its decoder norms are not free: take %s",
          name, DictionaryTypes.crosscoders());
    }
    return of;
  }

  private static boolean hasK(String name) {
    return DictionaryTypes.trainable().stream()
        .anyMatch(each -> each.key().equals(name) && each.keys().contains("k"));
  }

  /** With AuxK for types that have it. */
  private TrainingSpecification specification(TypeSettings settings, int inputs) {
    boolean auxiliary = settings.auxiliary();
    return new TrainingSpecification(
        width,
        settings,
        auxiliary ? Math.min(width, Math.max(1, inputs / 2)) : 0,
        auxiliary ? 1.0 / 32 : 0,
        1_000_000,
        Optimiser.standard());
  }

  /** Of the time of all threads; the rest is waiting, centring, and what one thread does alone. */
  private static void shares(StepProfile profile, double threadSeconds, ObjectNode line) {
    double told = 0;
    for (StepProfile.Part part : StepProfile.Part.values()) {
      told += profile.seconds(part);
    }
    if (told == 0) {
      return;
    }
    ObjectNode shares = line.putObject("shares");
    for (StepProfile.Part part : StepProfile.Part.values()) {
      shares.put(
          part.name().toLowerCase(Locale.ROOT),
          rounded(profile.seconds(part) / threadSeconds, 1000));
    }
    shares.put("other", rounded(Math.max(0, 1 - told / threadSeconds), 1000));
  }

  private static double rounded(double value, double parts) {
    return Math.round(value * parts) / parts;
  }

  /** On the rows held out, in scaled units. */
  private void evaluate(
      KernelProvider provider, Dictionary trained, BenchmarkRows data, ObjectNode line) {
    FloatMatrix all = data.all();
    int inputs = all.columns();
    int chunk = 1024;
    float[] scale = trained.columnScale();
    double error = 0;
    double squares = 0;
    double[] sums = new double[inputs];
    long active = 0;
    int count = 0;
    boolean[] fired = new boolean[width];
    SparseCodes codes = new SparseCodes(width);
    FloatMatrix back = FloatMatrix.zeros(chunk, inputs);
    try (EncodingKernel encoding = provider.encoding(trained, chunk)) {
      for (int row = data.training(); row < all.rows(); row += chunk) {
        FloatMatrix part = data.rows(row, Math.min(chunk, all.rows() - row));
        encoding.encode(part, codes);
        encoding.decode(codes, back);
        for (int i = 0; i < part.rows() * inputs; i++) {
          int column = i % inputs;
          double value = part.values()[i];
          double centred = (value - trained.inputMean()[column]) * scale[column];
          error += Math.pow((value - back.values()[i]) * scale[column], 2);
          squares += centred * centred;
          sums[column] += centred;
        }
        for (int i = 0; i < codes.size(); i++) {
          fired[codes.indices()[i]] = true;
        }
        active += codes.size();
        count += part.rows();
      }
    }
    for (double sum : sums) {
      squares -= sum * sum / count;
    }
    int dead = 0;
    for (boolean each : fired) {
      dead += each ? 0 : 1;
    }
    line.put("fvu", rounded(error / squares, 1e5));
    line.put("l0", rounded((double) active / count, 100));
    line.put("dead", dead);
  }

  /** Of this process, as Linux tells it; 0 elsewhere. */
  private static double mebibytes(String key) throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) {
      return 0;
    }
    for (String line : Files.readAllLines(status, StandardCharsets.UTF_8)) {
      if (line.startsWith(key + ":")) {
        return Double.parseDouble(line.replaceAll("\\D", "")) / 1024;
      }
    }
    return 0;
  }
}
