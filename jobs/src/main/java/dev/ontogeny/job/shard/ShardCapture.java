package dev.ontogeny.job.shard;

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
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;

/**
 * What a capture holds, from its footers: files, sites, checkpoints, widths, types. Built on the
 * driver; grows with the number of files, not of rows.
 */
final class ShardCapture {
  private final ShardSettings settings;
  private final List<CaptureFooter> files;
  private final Map<String, List<Integer>> filesOf;
  private final List<ShardPlan.Source> sources;
  private final boolean texts;

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
        new ArrayList<>(
            spark
                .parallelize(listed, Math.min(listed.size(), 4 * spark.defaultParallelism()))
                .map(
                    new ReadFooter(
                        settings.columns(),
                        new BinaryNumbers(settings.binaryType(), settings.width())))
                .collect());
    footers.removeIf(footer -> footer.rows() == 0);
    if (footers.isEmpty()) {
      throw Failure.data(
          "input %s holds %d Parquet files and not one row",
          String.join(", ", settings.input()), listed.size());
    }
    return new ShardCapture(settings, footers, byInput);
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

  /** Out of footers that were read. */
  ShardCapture(
      ShardSettings settings, List<CaptureFooter> footers, Map<String, List<String>> byInput) {
    this.settings = settings;
    this.texts = true;
    requireOneTextPerCheckpoint(footers);
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
    this.filesOf = filesOf(byInput);
    requireOneKindOfDocuments();
    requireGradientsEverywhereOrNowhere();
    Map<String, VectorType> types = types();
    Map<String, Integer> widths = widths(rows);
    Set<String> float16 = float16();
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
                            float16.contains(site),
                            count))));
  }

  /** Some of the sources of another, with the files that have only these. */
  private ShardCapture(ShardCapture all, Set<Long> checkpoints) {
    settings = all.settings;
    texts = all.texts && checkpoints.contains(all.sources.get(0).checkpoint());
    files =
        all.files.stream().filter(file -> checkpoints.containsAll(all.checkpoints(file))).toList();
    sources = new ArrayList<>();
    for (ShardPlan.Source source : all.sources) {
      if (checkpoints.contains(source.checkpoint())) {
        sources.add(source.at(sources.size()));
      }
    }
    Map<String, List<String>> byInput = new LinkedHashMap<>();
    all.filesOf.forEach(
        (input, numbers) ->
            byInput.put(
                input,
                numbers.stream().map(number -> all.files.get(number).file().location()).toList()));
    filesOf = filesOf(byInput);
    filesOf.values().removeIf(List::isEmpty);
  }

  /** The part of it that some checkpoints are; files that have others as well are in no part. */
  ShardCapture only(Set<Long> checkpoints) {
    return new ShardCapture(this, checkpoints);
  }

  /** Those of the selected checkpoints that a file has. */
  Set<Long> checkpoints(CaptureFooter file) {
    Set<Long> selected = checkpoints();
    return file.sources().stream()
        .map(SourceRows::checkpoint)
        .filter(selected::contains)
        .collect(Collectors.toSet());
  }

  /** The selected checkpoints. */
  NavigableSet<Long> checkpoints() {
    return sources.stream()
        .map(ShardPlan.Source::checkpoint)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /** By input its files among those that are read. */
  private Map<String, List<Integer>> filesOf(Map<String, List<String>> byInput) {
    Map<String, Integer> numbers = new HashMap<>();
    for (int file = 0; file < files.size(); file++) {
      numbers.put(files.get(file).file().location(), file);
    }
    Map<String, List<Integer>> filesOf = new LinkedHashMap<>();
    byInput.forEach(
        (input, locations) ->
            filesOf.put(
                input, locations.stream().filter(numbers::containsKey).map(numbers::get).toList()));
    return filesOf;
  }

  /**
   * The inputs by how they look: what a run is known by until its capture has been read. Their
   * identities are digests of outlines and stamps.
   */
  List<Manifest.Input> looks() {
    return inputs(files.stream().map(footer -> footer.file().stamp()).toList(), "look");
  }

  /**
   * The inputs by what is in them, wherever they lie.
   *
   * @param pages of every file the digest of its pages
   */
  List<Manifest.Input> contents(List<String> pages) {
    return inputs(pages, "capture");
  }

  private List<Manifest.Input> inputs(List<String> decisive, String kind) {
    List<Manifest.Input> inputs = new ArrayList<>();
    filesOf.forEach(
        (input, numbers) ->
            inputs.add(
                new Manifest.Input(
                    kind, digest(numbers, decisive::get), input, null, seen(numbers))));
    inputs.sort(Comparator.comparing(Manifest.Input::identity));
    return inputs;
  }

  private Manifest.Seen seen(List<Integer> numbers) {
    return new Manifest.Seen(
        digest(numbers, file -> ""), digest(numbers, file -> files.get(file).file().stamp()));
  }

  /** Over the outlines of some files, with something else of each. */
  private String digest(List<Integer> numbers, IntFunction<String> of) {
    return Identity.sha256(
        numbers.stream()
            .map(file -> files.get(file).outline() + " " + of.apply(file))
            .sorted()
            .collect(Collectors.joining("\n"))
            .getBytes(StandardCharsets.UTF_8));
  }

  /** Whether all looks as it did when a dataset was made of it. */
  boolean looksAs(List<Manifest.Input> before) {
    return before.stream().allMatch(input -> input.seen() != null)
        && lines(before).equals(lines(looks()));
  }

  /**
   * What a file of an input held.
   *
   * @param input its place among the inputs
   */
  record FileContent(int input, String outline, String pages) {}

  /**
   * What the files held, in an order that depends on nothing else.
   *
   * @param pages of every file the digest of its pages
   */
  List<FileContent> fileContents(List<String> pages) {
    List<Manifest.Input> inputs = contents(pages);
    List<FileContent> contents = new ArrayList<>();
    for (int input = 0; input < inputs.size(); input++) {
      for (int file : filesOf.get(inputs.get(input).path())) {
        contents.add(new FileContent(input, files.get(file).outline(), pages.get(file)));
      }
    }
    contents.sort(
        Comparator.comparingInt(FileContent::input)
            .thenComparing(FileContent::outline)
            .thenComparing(FileContent::pages));
    return contents;
  }

  /**
   * The digests of the pages of all files as they were when a dataset was made of these files, as
   * they look now. Of files with one outline it does not matter which has which.
   *
   * @param before the dataset's inputs, which look the same
   * @param contents of their files
   */
  List<String> pages(List<Manifest.Input> before, List<FileContent> contents) {
    List<Manifest.Input> left = new ArrayList<>(before);
    String[] pages = new String[files.size()];
    filesOf.forEach(
        (input, numbers) -> {
          Manifest.Seen seen = seen(numbers);
          int place = 0;
          while (left.get(place) == null || !left.get(place).seen().equals(seen)) {
            place++;
          }
          left.set(place, null);
          int from = place;
          Map<String, ArrayDeque<String>> byOutline = new HashMap<>();
          for (FileContent each : contents) {
            if (each.input() == from) {
              byOutline
                  .computeIfAbsent(each.outline(), none -> new ArrayDeque<>())
                  .add(each.pages());
            }
          }
          for (int file : numbers) {
            pages[file] = byOutline.get(files.get(file).outline()).remove();
          }
        });
    return List.of(pages);
  }

  private static List<String> lines(List<Manifest.Input> inputs) {
    return inputs.stream()
        .map(input -> input.seen().outline() + " " + input.seen().stamp())
        .sorted()
        .toList();
  }

  /** Fails if a file was written anew since the capture was listed. */
  void requireUnchanged() {
    Map<String, String> now = new HashMap<>();
    for (String input : settings.input()) {
      CaptureFile.list(input, settings.columns())
          .forEach(file -> now.put(file.location(), file.bytes() + " " + file.stamp()));
    }
    for (CaptureFooter footer : files) {
      CaptureFile file = footer.file();
      if (!(file.bytes() + " " + file.stamp()).equals(now.get(file.location()))) {
        throw Failure.data(
            "%s was %s while it was read: what was read of it may be neither the old nor the new capture; run this again once nothing writes there",
            file.location(), now.containsKey(file.location()) ? "written anew" : "removed");
      }
    }
  }

  private static void requireOneTextPerCheckpoint(List<CaptureFooter> footers) {
    Map<Long, String> texts = new HashMap<>();
    for (CaptureFooter footer : footers) {
      footer
          .checkpointTexts()
          .forEach(
              (checkpoint, text) -> {
                String other = texts.putIfAbsent(checkpoint, text);
                if (other != null && !other.equals(text)) {
                  throw CaptureFooter.twoTexts(checkpoint, other, text, footer.file().location());
                }
              });
    }
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

  /** Sites whose numbers are captured as float16 in every file. */
  private Set<String> float16() {
    Set<String> sites = new HashSet<>();
    Set<String> others = new HashSet<>();
    for (CaptureFooter file : files) {
      boolean half = file.activation().number() == NumberType.FLOAT16;
      file.sources().forEach(source -> (half ? sites : others).add(source.site()));
    }
    sites.removeAll(others);
    return sites;
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
    Map<String, TableSchema.Column> labels = new LinkedHashMap<>();
    for (int number = 0; number < files.size(); number++) {
      CaptureFooter file = files.get(number);
      if (hasTexts(number)) {
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

  /** Whether tokens get texts and labels: a part without the first source has none. */
  boolean texts() {
    return texts;
  }

  /** Whether texts and labels are read from a file: from those of the first source they are. */
  boolean hasTexts(int file) {
    return texts && isOfFirstSource(file);
  }

  /** Whether a file has rows of the first source. */
  boolean isOfFirstSource(int file) {
    ShardPlan.Source first = sources.get(0);
    return files.get(file).sources().stream()
        .anyMatch(
            each -> each.site().equals(first.site()) && each.checkpoint() == first.checkpoint());
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
