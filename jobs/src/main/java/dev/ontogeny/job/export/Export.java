package dev.ontogeny.job.export;

import dev.ontogeny.data.Claim;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.export.PeerFormats;
import dev.ontogeny.job.Estimate;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.Workload;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Provenance;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Published dictionaries as other libraries' files, a task for each. */
public final class Export implements Job<ExportSettings> {
  private static final Logger LOG = LoggerFactory.getLogger(Export.class);

  /** The {@code summary} of the manifest: how many folders of which format. */
  record Summary(String format, int dictionaries) {}

  @Override
  public String name() {
    return "export";
  }

  @Override
  public String description() {
    return "Writes dictionaries in the formats of other libraries, which read activations as they were captured.";
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
  public Class<ExportSettings> settingsType() {
    return ExportSettings.class;
  }

  @Override
  public Plan plan(SparkSession spark, ExportSettings settings) {
    ExportPlan plan =
        ExportPlan.of(DictionaryFolder.open(Folder.of(settings.dictionaries())), settings);
    Map<String, String> lines = new LinkedHashMap<>();
    lines.put("folders", plan.items().size() + " of format " + settings.format());
    lines.put("bytes", new ByteSize(plan.bytes()) + " to read, as many to write");
    lines.put("tasks", Integer.toString(plan.items().size()));
    // As it is read, as it is folded, and turned for formats that want it so.
    lines.put("memory per task", new ByteSize(3 * plan.largest()).toString());
    return Plan.of(spark, lines, work(plan));
  }

  private static Workload work(ExportPlan plan) {
    return new Workload("export", plan.bytes(), 0, 0, plan.items().size(), 1);
  }

  @Override
  public Result run(SparkSession spark, ExportSettings settings) {
    DictionaryFolder dictionaries = DictionaryFolder.open(Folder.of(settings.dictionaries()));
    Folder output = Folder.of(settings.output());
    List<Manifest.Input> inputs = List.of(dictionaries.asInput());
    Publication publication = Publication.open(output, "export", settings, inputs);
    Optional<Manifest> there = publication.published();
    if (there.isPresent()) {
      return new Result(there.get(), output.toString(), true, List.of());
    }
    ExportPlan plan = ExportPlan.of(dictionaries, settings);
    try (Claim claim = publication.claim()) {
      write(spark, settings, dictionaries.folder(), publication, plan);
      List<PublishedFile> files = new ArrayList<>();
      for (ExportPlan.Item item : plan.items()) {
        files.addAll(
            publication
                .unit(item.name())
                .orElseThrow(() -> new IllegalStateException("no record of " + item.name()))
                .files());
      }
      Manifest manifest =
          publication.publish(
              claim,
              settings,
              inputs,
              files,
              List.of(),
              Provenance.here(spark.version(), null)
                  .with(Estimate.of(spark, work(plan)).took(claim)),
              new Summary(settings.format(), plan.items().size()));
      return new Result(
          manifest,
          output.toString(),
          false,
          List.of(
              String.format(
                  Locale.ROOT,
                  "%d folders of format %s: they read activations as they were captured",
                  plan.items().size(),
                  settings.format())));
    }
  }

  private static void write(
      SparkSession spark,
      ExportSettings settings,
      Folder from,
      Publication publication,
      ExportPlan plan) {
    LOG.info("writing {} folders of format {}", plan.items().size(), settings.format());
    spark.sparkContext().setJobDescription("export: " + plan.items().size() + " dictionaries");
    try {
      JavaSparkContext.fromSparkContext(spark.sparkContext())
          .parallelize(plan.items(), plan.items().size())
          .foreach(new ExportTask(from, publication, settings));
    } finally {
      spark.sparkContext().setJobDescription(null);
    }
  }
}
