package dev.ontogeny.job;

import dev.ontogeny.data.CaptureColumns;
import dev.ontogeny.data.CaptureFile;
import dev.ontogeny.data.CaptureFooter;
import dev.ontogeny.data.CaptureFooter.BinaryNumbers;
import dev.ontogeny.data.CaptureFooter.SourceRows;
import dev.ontogeny.data.CaptureReader;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.VectorForm.NumberType;
import dev.ontogeny.data.VectorType;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;

/**
 * What a capture holds, from its footers: files, sites, checkpoints, widths, types. Built on the
 * driver; grows with the number of files, not of rows.
 */
final class ShardCapture {
  private final ShardSettings settings;
  private final List<CaptureFooter> files;
  private final List<Manifest.Input> inputs;
  private final List<ShardPlan.Source> sources;

  /** Lists the files and reads their footers in tasks; every file is checked. */
  static ShardCapture read(JavaSparkContext spark, ShardSettings settings) {
    Map<String, CaptureFile> found = new TreeMap<>();
    Map<String, List<String>> byInput = new LinkedHashMap<>();
    for (String input : settings.input()) {
      List<CaptureFile> files = CaptureFile.list(input, settings.columns());
      files.forEach(file -> found.put(file.location(), file));
      byInput.put(input, files.stream().map(CaptureFile::location).toList());
    }
    List<CaptureFile> listed = List.copyOf(found.values());
    spark.setJobDescription("shard: read " + listed.size() + " footers");
    List<CaptureFooter> footers =
        spark
            .parallelize(listed, Math.min(listed.size(), 4 * spark.defaultParallelism()))
            .map(
                new ReadFooter(
                    settings.columns(), new BinaryNumbers(settings.binaryType(), settings.width())))
            .collect();
    return new ShardCapture(settings, footers, inputs(footers, byInput));
  }

  /** Reads one footer. */
  private static final class ReadFooter implements Function<CaptureFile, CaptureFooter> {
    private static final long serialVersionUID = 1;

    private final CaptureColumns columns;
    private final BinaryNumbers numbers;

    ReadFooter(CaptureColumns columns, BinaryNumbers numbers) {
      this.columns = columns;
      this.numbers = numbers;
    }

    @Override
    public CaptureFooter call(CaptureFile file) throws Exception {
      return CaptureFooter.read(file, columns, numbers);
    }
  }

  private ShardCapture(
      ShardSettings settings, List<CaptureFooter> footers, List<Manifest.Input> inputs) {
    this.settings = settings;
    this.inputs = inputs;
    Map<String, Map<Long, Long>> rows = selected(footers);
    this.files =
        footers.stream()
            .filter(
                footer ->
                    footer.sources().stream()
                        .anyMatch(
                            each ->
                                rows.getOrDefault(each.site(), Map.of())
                                    .containsKey(each.checkpoint())))
            .toList();
    requireOneKindOfDocuments();
    requireGradientsEverywhereOrNowhere();
    Map<String, VectorType> types = types();
    Map<String, Integer> widths = widths(rows);
    this.sources = new ArrayList<>();
    rows.forEach(
        (site, checkpoints) ->
            checkpoints.forEach(
                (checkpoint, count) ->
                    sources.add(
                        new ShardPlan.Source(
                            sources.size(),
                            site,
                            checkpoint,
                            widths.get(site),
                            types.get(site),
                            count))));
  }

  /** Content decides: the same files give the same identity wherever they lie. */
  private static List<Manifest.Input> inputs(
      List<CaptureFooter> footers, Map<String, List<String>> byInput) {
    Map<String, CaptureFooter> byLocation = new HashMap<>();
    footers.forEach(footer -> byLocation.put(footer.file().location(), footer));
    List<Manifest.Input> inputs = new ArrayList<>();
    byInput.forEach(
        (input, locations) -> {
          List<String> contents =
              locations.stream()
                  .map(byLocation::get)
                  .map(
                      footer ->
                          footer.file().bytes()
                              + " "
                              + footer.file().site()
                              + " "
                              + footer.file().checkpoint()
                              + " "
                              + footer.digest())
                  .sorted()
                  .toList();
          inputs.add(
              new Manifest.Input(
                  "capture",
                  Identity.sha256(String.join("\n", contents).getBytes(StandardCharsets.UTF_8)),
                  input,
                  null));
        });
    inputs.sort(Comparator.comparing(Manifest.Input::identity));
    return inputs;
  }

  /** Rows by site and checkpoint, of those that the settings select. */
  private Map<String, Map<Long, Long>> selected(List<CaptureFooter> footers) {
    Map<String, Map<Long, Long>> all = new TreeMap<>();
    for (CaptureFooter footer : footers) {
      for (SourceRows each : footer.sources()) {
        all.computeIfAbsent(each.site(), site -> new TreeMap<>())
            .merge(each.checkpoint(), each.rows(), Long::sum);
      }
    }
    if (settings.sites() != null) {
      for (String site : settings.sites()) {
        if (!all.containsKey(site)) {
          throw Failure.data(
              "the capture has no site %s (setting sites); it has %s", site, all.keySet());
        }
      }
      all.keySet().retainAll(settings.sites());
    }
    TreeSet<Long> checkpoints = new TreeSet<>();
    all.values().forEach(of -> checkpoints.addAll(of.keySet()));
    if (settings.checkpoints() != null) {
      checkpoints.clear();
      checkpoints.addAll(settings.checkpoints());
    }
    all.forEach(
        (site, of) -> {
          for (Long checkpoint : checkpoints) {
            if (!of.containsKey(checkpoint)) {
              throw Failure.data(
                  "site %s has no rows at checkpoint %d; it has %s. Capture it, or set checkpoints to those that every site has",
                  site, checkpoint, of.keySet());
            }
          }
          of.keySet().retainAll(checkpoints);
        });
    return all;
  }

  private void requireOneKindOfDocuments() {
    CaptureFooter first = files.get(0);
    for (CaptureFooter each : files) {
      if (each.textDocuments() != first.textDocuments()) {
        throw Failure.data(
            "column '%s' is a text in %s and a whole number in %s: it must be one of them everywhere",
            settings.columns().document(),
            (each.textDocuments() ? each : first).file().location(),
            (each.textDocuments() ? first : each).file().location());
      }
    }
  }

  private void requireGradientsEverywhereOrNowhere() {
    CaptureFooter first = files.get(0);
    for (CaptureFooter each : files) {
      if ((each.gradient() == null) != (first.gradient() == null)) {
        throw Failure.data(
            "%s has a column '%s', %s has none: capture it everywhere, or set columns.gradient = null",
            (each.gradient() == null ? first : each).file().location(),
            settings.columns().gradient(),
            (each.gradient() == null ? each : first).file().location());
      }
    }
  }

  /** The type of each site: as captured, the wider one where its files or neighbours differ. */
  private Map<String, VectorType> types() {
    Map<String, VectorType> types = new HashMap<>();
    boolean changed = true;
    while (changed) {
      changed = false;
      for (CaptureFooter file : files) {
        VectorType widest = captured(file);
        for (SourceRows source : file.sources()) {
          widest = wider(widest, types.get(source.site()));
        }
        for (SourceRows source : file.sources()) {
          changed |= types.put(source.site(), widest) != widest;
        }
      }
    }
    return types;
  }

  private VectorType captured(CaptureFooter file) {
    return switch (settings.storedType()) {
      case FLOAT16 -> VectorType.FLOAT16;
      case FLOAT32 -> VectorType.FLOAT32;
      case AUTO ->
          file.activation().number() == NumberType.FLOAT16
              ? VectorType.FLOAT16
              : VectorType.FLOAT32;
    };
  }

  private static VectorType wider(VectorType a, VectorType b) {
    return b == null || a == VectorType.FLOAT32 ? a : b;
  }

  /** The width of each site: what most of its rows' files have. */
  private Map<String, Integer> widths(Map<String, Map<Long, Long>> rows) {
    Map<String, TreeMap<Integer, Long>> votes = new HashMap<>();
    for (CaptureFooter file : files) {
      for (SourceRows source : file.sources()) {
        votes
            .computeIfAbsent(source.site(), site -> new TreeMap<>())
            .merge(file.widths().get(source.site()), source.rows(), Long::sum);
      }
    }
    Map<String, Integer> widths = new HashMap<>();
    for (String site : rows.keySet()) {
      int width =
          settings.width() != null
              ? settings.width()
              : votes.get(site).entrySet().stream()
                  .max(Map.Entry.comparingByValue())
                  .orElseThrow()
                  .getKey();
      if (width <= 0) {
        throw Failure.data("site %s has no vectors: every one is null or empty", site);
      }
      widths.put(site, width);
    }
    return widths;
  }

  List<Manifest.Input> inputs() {
    return inputs;
  }

  List<CaptureFooter> files() {
    return files;
  }

  List<ShardPlan.Source> sources() {
    return sources;
  }

  boolean textDocuments() {
    return files.get(0).textDocuments();
  }

  boolean gradient() {
    return files.get(0).gradient() != null;
  }

  boolean loss() {
    return files.stream().anyMatch(CaptureFooter::hasLoss);
  }

  /** Labels of the first source, whose rows carry them. */
  List<TableSchema.Column> labels() {
    ShardPlan.Source first = sources.get(0);
    Map<String, TableSchema.Column> labels = new LinkedHashMap<>();
    for (CaptureFooter file : files) {
      boolean carries =
          file.sources().stream()
              .anyMatch(
                  each ->
                      each.site().equals(first.site()) && each.checkpoint() == first.checkpoint());
      if (carries) {
        for (TableSchema.Column label : file.labels()) {
          TableSchema.Column other = labels.putIfAbsent(label.name(), label);
          if (other != null && other.type() != label.type()) {
            throw Failure.data(
                "%s: column '%s' is %s, in other files %s: a label has one type",
                file.file().location(), label.name(), label.type(), other.type());
          }
        }
      }
    }
    return List.copyOf(labels.values());
  }

  /** Rows of the selected sources. */
  long rows() {
    return sources.stream().mapToLong(ShardPlan.Source::rows).sum();
  }

  /** Tokens, if every source has them all. */
  long tokens() {
    return sources.stream().mapToLong(ShardPlan.Source::rows).max().orElse(0);
  }

  /** Bytes of the files. */
  long bytes() {
    return files.stream().mapToLong(footer -> footer.file().bytes()).sum();
  }

  /** Ranges of row groups of about {@code splitBytes}, grouped where files are smaller. */
  List<List<CaptureReader.Split>> splits() {
    long target = settings.splitBytes().bytes();
    List<List<CaptureReader.Split>> groups = new ArrayList<>();
    List<CaptureReader.Split> group = new ArrayList<>();
    long grouped = 0;
    for (int file = 0; file < files.size(); file++) {
      List<CaptureFooter.RowGroup> rowGroups = files.get(file).rowGroups();
      long firstRow = 0;
      for (int from = 0; from < rowGroups.size(); ) {
        int to = from;
        long bytes = 0;
        long rows = 0;
        while (to < rowGroups.size()
            && (to == from || bytes + rowGroups.get(to).bytes() <= target)) {
          bytes += rowGroups.get(to).bytes();
          rows += rowGroups.get(to).rows();
          to++;
        }
        if (!group.isEmpty() && grouped + bytes > target) {
          groups.add(group);
          group = new ArrayList<>();
          grouped = 0;
        }
        group.add(new CaptureReader.Split(file, from, to - from, firstRow, rows, bytes));
        grouped += bytes;
        firstRow += rows;
        from = to;
      }
    }
    if (!group.isEmpty()) {
      groups.add(group);
    }
    return groups;
  }
}
