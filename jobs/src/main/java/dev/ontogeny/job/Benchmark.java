package dev.ontogeny.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryType;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Problems;
import dev.ontogeny.run.Provenance;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.train.InitialDictionary;
import dev.ontogeny.train.Schedule;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.random.RandomGenerator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Trains one dictionary on rows in memory and says how fast: one line of JSON. Rows are centred by
 * the training rows' mean and scaled to a mean norm of √d; the last ones are held out for the FVU;
 * only steps are timed. Warm-up over the first tenth of the steps, then constant.
 */
@Command(
    name = "benchmark",
    description =
        "Trains one dictionary on rows of a Parquet file, prints its speed and quality as one line of JSON.",
    mixinStandardHelpOptions = true)
final class Benchmark implements Callable<Integer> {
  /** Rows whose norms give the scale. */
  private static final int SCALE_ROWS = 50_000;

  /** The first steps pay for compilation. */
  private static final int UNTIMED_STEPS = 3;

  private final Terminal terminal;

  @Option(
      names = "--rows",
      required = true,
      description =
          "Parquet with a column `activation`, a list of floats per row, in random order.")
  private File rows;

  @Option(names = "--width", description = "Number of latents (${DEFAULT-VALUE}).")
  private int width = 8192;

  @Option(names = "--k", description = "Active latents of a row (${DEFAULT-VALUE}).")
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
      description = "auto, cpu, cpu-fp32, nd4j or reference (${DEFAULT-VALUE}).")
  private String kernel = "auto";

  @Option(names = "--seed", description = "Of the initial directions (${DEFAULT-VALUE}).")
  private long seed;

  Benchmark(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() throws IOException {
    new Problems()
        .atLeast("--width", width, 1)
        .between("--k", k, 1, Math.max(1, width))
        .atLeast("--batch", batch, 2)
        .atLeast("--tokens", (double) tokens, batch)
        .atLeast("--held", held, 1)
        .raise();
    FloatMatrix all = read();
    int inputs = all.columns();
    int training = all.rows() - held;
    if (training < batch) {
      throw Failure.data(
          "%s has %d rows: %d are held out and a batch needs %d", rows, all.rows(), held, batch);
    }
    int used = threads == null ? Runtime.getRuntime().availableProcessors() : threads;
    KernelProvider provider = Kernels.provider(kernel, used);
    double rate = learningRate == null ? Schedule.law(2e-4, width) : learningRate;
    Schedule schedule = new Schedule(rate, 0.1, 0);
    long steps = tokens / batch;
    double before = mebibytes("VmRSS");
    List<Double> seconds = new ArrayList<>();
    Dictionary trained;
    double total = 0;
    try (TrainingKernel kernel =
        provider.training(
            TrainingSpecification.standard(width, k, inputs),
            initial(all, training, provider),
            batch)) {
      FloatMatrix next = FloatMatrix.zeros(batch, inputs);
      int at = 0;
      for (long step = 0; step < steps; step++) {
        if (at + batch > training) {
          at = 0;
        }
        System.arraycopy(all.values(), at * inputs, next.values(), 0, batch * inputs);
        at += batch;
        long start = System.nanoTime();
        kernel.step(next, new StepSettings(schedule.rate(step, steps)));
        double took = (System.nanoTime() - start) / 1e9;
        seconds.add(took);
        total += took;
      }
      trained = kernel.snapshot();
    }
    double peak = mebibytes("VmHWM");
    List<Double> timed =
        new ArrayList<>(
            seconds.subList(Math.min(UNTIMED_STEPS, seconds.size() - 1), seconds.size()));
    timed.sort(null);
    ObjectNode line = Json.object();
    line.put("peer", "ontogeny");
    line.put("version", Provenance.version());
    line.put("kernel", provider.name());
    line.put("d", inputs);
    line.put("sources", 1);
    line.put("width", width);
    line.put("k", k);
    line.put("batch", batch);
    line.put("threads", used);
    line.put("tokens", steps * batch);
    line.put("tokens_per_s", Math.round(batch / timed.get(timed.size() / 2)));
    line.put("seconds", Math.round(total * 10) / 10.0);
    line.put("rss_before_mib", Math.round(before));
    line.put("peak_rss_mib", Math.round(peak));
    evaluate(provider, trained, all, training, line);
    terminal.out().println(Json.line(line));
    return 0;
  }

  private FloatMatrix read() throws IOException {
    Path file = rows.toPath().toAbsolutePath();
    Folder folder = Folder.of(String.valueOf(file.getParent()));
    List<float[]> read = new ArrayList<>();
    try (TableReader reader =
        TableReader.open(folder, String.valueOf(file.getFileName()), "activation")) {
      for (Object[] row = reader.next(); row != null; row = reader.next()) {
        if (!(row[0] instanceof float[] vector)
            || (!read.isEmpty() && vector.length != read.get(0).length)) {
          throw Failure.data(
              "%s: row %d of column activation is no list of %s floats",
              rows, read.size(), read.isEmpty() ? "any" : read.get(0).length);
        }
        read.add(vector);
      }
    }
    if (read.isEmpty()) {
      throw Failure.data("%s has no rows", rows);
    }
    int inputs = read.get(0).length;
    FloatMatrix all = FloatMatrix.zeros(read.size(), inputs);
    for (int row = 0; row < read.size(); row++) {
      System.arraycopy(read.set(row, null), 0, all.values(), row * inputs, inputs);
    }
    return all;
  }

  private Dictionary initial(FloatMatrix all, int training, KernelProvider provider) {
    int inputs = all.columns();
    double[] mean = new double[inputs];
    for (int i = 0; i < training * inputs; i++) {
      mean[i % inputs] += (double) all.values()[i] / training;
    }
    double norms = 0;
    int sample = Math.min(SCALE_ROWS, training);
    for (int row = 0; row < sample; row++) {
      double squares = 0;
      for (int i = 0; i < inputs; i++) {
        squares += Math.pow(all.at(row, i) - mean[i], 2);
      }
      norms += Math.sqrt(squares) / sample;
    }
    float[] means = new float[inputs];
    for (int i = 0; i < inputs; i++) {
      means[i] = (float) mean[i];
    }
    RandomGenerator random = Seeds.generator(seed, "benchmark");
    float[] decoder = new float[width * inputs];
    float[] encoder = new float[width * inputs];
    for (int latent = 0; latent < width; latent++) {
      double squares = 0;
      for (int i = 0; i < inputs; i++) {
        decoder[latent * inputs + i] = (float) random.nextGaussian();
        squares += Math.pow(decoder[latent * inputs + i], 2);
      }
      for (int i = 0; i < inputs; i++) {
        decoder[latent * inputs + i] /= (float) Math.sqrt(squares);
        encoder[i * width + latent] = decoder[latent * inputs + i];
      }
    }
    Dictionary drawn =
        new Dictionary(
            DictionaryType.TOP_K,
            List.of(new Source("rows", 0, inputs)),
            k,
            new FloatMatrix(inputs, width, encoder),
            new float[width],
            new FloatMatrix(width, inputs, decoder),
            new float[inputs],
            means,
            new float[] {(float) (Math.sqrt(inputs) / norms)});
    float[] first = Arrays.copyOf(all.values(), batch * inputs);
    return InitialDictionary.fitted(drawn, new FloatMatrix(batch, inputs, first), provider);
  }

  /** On the rows held out; one scale cancels out of the FVU. */
  private void evaluate(
      KernelProvider provider, Dictionary trained, FloatMatrix all, int training, ObjectNode line) {
    int inputs = all.columns();
    int chunk = 1024;
    double error = 0;
    double squares = 0;
    double[] sums = new double[inputs];
    long active = 0;
    int count = 0;
    boolean[] fired = new boolean[width];
    SparseCodes codes = new SparseCodes(width);
    FloatMatrix back = FloatMatrix.zeros(chunk, inputs);
    try (EncodingKernel encoding = provider.encoding(trained, chunk)) {
      for (int row = training; row < all.rows(); row += chunk) {
        int size = Math.min(chunk, all.rows() - row);
        float[] values = Arrays.copyOfRange(all.values(), row * inputs, (row + size) * inputs);
        encoding.encode(new FloatMatrix(size, inputs, values), codes);
        encoding.decode(codes, back);
        for (int i = 0; i < size * inputs; i++) {
          double centred = (double) values[i] - trained.inputMean()[i % inputs];
          error += Math.pow((double) values[i] - back.values()[i], 2);
          squares += centred * centred;
          sums[i % inputs] += centred;
        }
        for (int i = 0; i < codes.size(); i++) {
          fired[codes.indices()[i]] = true;
        }
        active += codes.size();
        count += size;
      }
    }
    for (double sum : sums) {
      squares -= sum * sum / count;
    }
    int dead = 0;
    for (boolean each : fired) {
      dead += each ? 0 : 1;
    }
    line.put("fvu", Math.round(error / squares * 1e5) / 1e5);
    line.put("l0", Math.round(100.0 * active / count) / 100.0);
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
