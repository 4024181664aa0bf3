package dev.ontogeny.job.imports;

import dev.ontogeny.data.Claim;
import dev.ontogeny.data.DictionaryTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.export.PeerFormat;
import dev.ontogeny.export.PeerFormats;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.Workload;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Provenance;
import dev.ontogeny.spark.Gpus;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Dictionaries that other libraries trained, as published ones. */
public final class Imports implements Job<ImportSettings> {
  private static final Logger LOG = LoggerFactory.getLogger(Imports.class);

  /** The {@code summary} of the manifest: how many dictionaries out of which format. */
  record Summary(String format, int dictionaries) {}

  @Override
  public String name() {
    return "import";
  }

  @Override
  public String description() {
    return "Publishes dictionaries that other libraries trained, so that measure, evolve and report read them.";
  }

  @Override
  public String reference() {
    return "Formats:\n\n" + PeerFormats.help();
  }

  @Override
  public List<String> shorthands() {
    return List.of("format");
  }

  @Override
  public Class<ImportSettings> settingsType() {
    return ImportSettings.class;
  }

  @Override
  public Plan plan(SparkSession spark, ImportSettings settings) {
    ShardedDataset dataset = ShardedDataset.open(Folder.of(settings.dataset()));
    Folder input = Folder.of(settings.input());
    List<ImportSettings.Entry> entries = entries(input, settings);
    Map<String, Long> sizes = sizes(input);
    PeerFormat format = PeerFormats.of(settings.format());
    long bytes = 0;
    long largest = 0;
    for (ImportSettings.Entry each : entries) {
      String prefix = each.path().isEmpty() ? "" : each.path() + "/";
      long own = sizes.getOrDefault(prefix + format.tensorFile(), 0L);
      bytes += own;
      largest = Math.max(largest, own);
    }
    long rows = heldOutRows(dataset);
    Map<String, String> lines = new LinkedHashMap<>();
    lines.put("dictionaries", entries.size() + " of format " + settings.format());
    lines.put("rows", String.format(Locale.ROOT, "%,d held out, to tell their quality", rows));
    lines.put("bytes", new ByteSize(2 * bytes) + " to read, in two passes");
    lines.put("tasks", Integer.toString(entries.size()));
    lines.put("memory per task", new ByteSize(3 * largest) + " at float32");
    // A product with each weight, there and back.
    Workload work =
        new Workload(
            "dictionaries",
            2.0 * bytes,
            2.0 * rows * bytes / Float.BYTES,
            0,
            entries.size(),
            threads(spark));
    return Plan.of(spark, lines, work);
  }

  @Override
  public Result run(SparkSession spark, ImportSettings settings) {
    ShardedDataset dataset = ShardedDataset.open(Folder.of(settings.dataset()));
    Folder input = Folder.of(settings.input());
    Folder output = Folder.of(settings.output());
    List<Found> found = look(spark, input, settings);
    List<Manifest.Input> inputs = List.of(dataset.asInput(), asInput(found, settings));
    Publication publication = Publication.open(output, "dictionaries", settings, inputs);
    Optional<Manifest> there = publication.published();
    if (there.isPresent()) {
      return new Result(there.get(), output.toString(), true, List.of());
    }
    ImportPlan plan = ImportPlan.of(found, dataset, settings);
    try (Claim claim = publication.claim()) {
      JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
      spark.sparkContext().setJobDescription("import: " + plan.items().size() + " dictionaries");
      try {
        Gpus.on(context.parallelize(plan.items(), plan.items().size()))
            .foreach(
                new ImportTask(
                    context.broadcast(dataset), input, publication, settings, threads(spark)));
      } finally {
        spark.sparkContext().setJobDescription(null);
      }
      return publish(spark, settings, inputs, publication, claim, plan);
    }
  }

  /** Reads every dictionary once, on executors. */
  private static List<Found> look(SparkSession spark, Folder input, ImportSettings settings) {
    List<ImportSettings.Entry> entries = entries(input, settings);
    LOG.info("looking at {} dictionaries of format {}", entries.size(), settings.format());
    spark.sparkContext().setJobDescription("import: look at " + entries.size() + " dictionaries");
    try {
      return JavaSparkContext.fromSparkContext(spark.sparkContext())
          .parallelize(entries, entries.size())
          .map(new LookTask(input, settings.format()))
          .collect();
    } finally {
      spark.sparkContext().setJobDescription(null);
    }
  }

  /** Those that settings name, or every folder that holds one. */
  private static List<ImportSettings.Entry> entries(Folder input, ImportSettings settings) {
    if (!settings.dictionaries().isEmpty()) {
      return settings.dictionaries();
    }
    PeerFormat format = PeerFormats.of(settings.format());
    Map<String, Long> sizes = sizes(input);
    List<ImportSettings.Entry> entries = new ArrayList<>();
    for (String file : sizes.keySet()) {
      int cut = file.lastIndexOf('/');
      String path = cut < 0 ? "" : file.substring(0, cut);
      if (file.substring(cut + 1).equals(format.configFile())
          && sizes.containsKey((cut < 0 ? "" : path + "/") + format.tensorFile())) {
        entries.add(ImportSettings.Entry.at(path));
      }
    }
    if (entries.isEmpty()) {
      throw Failure.data(
          "%s holds no dictionary of format %s: no folder in it has both %s and %s",
          input, format.key(), format.configFile(), format.tensorFile());
    }
    return entries;
  }

  private static Map<String, Long> sizes(Folder input) {
    try {
      return input.sizes("");
    } catch (IOException e) {
      throw Failure.resources("%s cannot be read: %s", input, e.getMessage()).causedBy(e);
    }
  }

  /** All that decides what was read, whatever folder it lies in. */
  private static Manifest.Input asInput(List<Found> found, ImportSettings settings) {
    String content =
        found.stream()
            .map(each -> each.entry().path() + " " + each.content())
            .sorted()
            .collect(Collectors.joining("\n"));
    return new Manifest.Input(
        settings.format(),
        Identity.sha256(content.getBytes(StandardCharsets.UTF_8)),
        settings.input(),
        null,
        null);
  }

  private static Result publish(
      SparkSession spark,
      ImportSettings settings,
      List<Manifest.Input> inputs,
      Publication publication,
      Claim claim,
      ImportPlan plan) {
    List<PublishedFile> files = new ArrayList<>();
    TreeSet<String> kernels = new TreeSet<>();
    List<String> lines = new ArrayList<>();
    for (ImportPlan.Item item : plan.items()) {
      Publication.Unit unit =
          publication
              .unit(item.id())
              .orElseThrow(() -> new IllegalStateException("no record of " + item.id()));
      ImportTask.Outcome outcome = Json.fromTree(unit.result(), ImportTask.Outcome.class);
      files.addAll(unit.files());
      kernels.add(outcome.kernel());
      lines.add(told(item, outcome));
    }
    // How long it took says nothing of training, which folders of this kind are predicted by.
    Manifest manifest =
        publication.publish(
            claim,
            settings,
            inputs,
            files,
            DictionaryTables.ALL,
            Provenance.here(spark.version(), String.join("; ", kernels)),
            new Summary(settings.format(), plan.items().size()));
    return new Result(manifest, publication.folder().toString(), false, lines);
  }

  private static String told(ImportPlan.Item item, ImportTask.Outcome outcome) {
    double fvu = outcome.quality().fvu();
    return String.format(
        Locale.ROOT,
        "%s: held-out fvu %.4f, l0 %.1f, dead %.3f%s",
        item.id(),
        fvu,
        outcome.quality().l0(),
        outcome.quality().deadShare(),
        fvu > 1
            ? ": worse than the mean of the rows would do; look at site, checkpoint, and what was done to inputs where it was trained"
            : "");
  }

  private static long heldOutRows(ShardedDataset dataset) {
    return dataset.summary().heldOutShards().stream().mapToLong(dataset::rows).sum();
  }

  private static int threads(SparkSession spark) {
    return spark.sparkContext().conf().getInt("spark.task.cpus", 1);
  }
}
