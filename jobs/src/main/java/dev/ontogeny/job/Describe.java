package dev.ontogeny.job;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.data.CaptureFindings;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.Verification;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Effort;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Provenance;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Tells what is in a published folder: from where, which tables, which columns, how much. */
@Command(
    name = "describe",
    description = "Tells what is in a published folder.",
    mixinStandardHelpOptions = true)
final class Describe implements Callable<Integer> {
  private static final int SHOWN_PROBLEMS = 5;

  private final Terminal terminal;

  @Parameters(paramLabel = "FOLDER", description = "A folder that a job has published.")
  private String location;

  @Option(
      names = "--verify",
      description = "Read every file and compare its size and checksum with the manifest.")
  private boolean verify;

  @Option(
      names = "--columns",
      description = "Tell of every table what it is, and of every column type, unit and meaning.")
  private boolean columns;

  Describe(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() throws IOException {
    Folder folder = Folder.of(location);
    Manifest manifest = Manifest.read(folder);
    if (verify) {
      List<String> problems = Verification.problems(folder, manifest);
      if (!problems.isEmpty()) {
        throw Failure.data(
            "%s is not as it was published, %d of %d files are wrong: %s%s",
            folder,
            problems.size(),
            manifest.files().size(),
            String.join("; ", problems.subList(0, Math.min(SHOWN_PROBLEMS, problems.size()))),
            problems.size() > SHOWN_PROBLEMS ? "; …" : "");
      }
    }
    describe(folder, manifest);
    if (verify) {
      terminal.out().println();
      terminal.out().println(manifest.files().size() + " files are as they were published");
    }
    return 0;
  }

  private void describe(Folder folder, Manifest manifest) throws IOException {
    List<String[]> lines = new ArrayList<>();
    lines.add(row(manifest.kind(), folder.toString()));
    lines.add(row("identity", manifest.identity()));
    lines.add(row("created", manifest.created()));
    for (Manifest.Input input : manifest.inputs()) {
      lines.add(
          row("made from", input.kind() + " " + shortened(input.identity()) + "  " + input.path()));
    }
    Provenance made = manifest.provenance();
    lines.add(row("made by", one(Json.tree(made == null ? null : made.with(null)))));
    if (made != null && made.effort() != null) {
      Effort effort = made.effort();
      lines.add(
          row(
              "time",
              String.format(
                  Locale.ROOT,
                  "predicted %s, took %s on %,d cores (rates: %s)",
                  Estimate.duration(effort.predictedSeconds()),
                  Estimate.duration(effort.seconds()),
                  effort.cores(),
                  effort.rates())));
    }
    lines.add(row("settings", ""));
    keys(manifest.settings(), lines);
    lines.add(row("summary", ""));
    keys(manifest.summary(), lines);
    terminal.print(lines);
    beware(manifest.summary().path("findings"));

    List<String[]> tables = new ArrayList<>();
    tables.add(row("table", "files", "rows", "bytes", "columns"));
    Map<String, List<PublishedFile>> byTable = new TreeMap<>();
    for (PublishedFile file : manifest.files()) {
      byTable
          .computeIfAbsent(file.table() == null ? "" : file.table(), name -> new ArrayList<>())
          .add(file);
    }
    for (Map.Entry<String, List<PublishedFile>> table : byTable.entrySet()) {
      List<PublishedFile> files = table.getValue();
      tables.add(
          row(
              table.getKey(),
              Integer.toString(files.size()),
              String.format(
                  Locale.ROOT, "%,d", files.stream().mapToLong(PublishedFile::rows).sum()),
              new ByteSize(files.stream().mapToLong(PublishedFile::bytes).sum()).toString(),
              columns(folder, files.get(0))));
    }
    terminal.out().println();
    terminal.print(tables);
    if (columns) {
      byTable.keySet().forEach(table -> manifest.schema(table).ifPresent(this::explain));
    }
  }

  private void explain(TableSchema table) {
    terminal.out().println();
    terminal
        .out()
        .println(table.name() + ": " + table.description() + " A row is " + table.row() + ".");
    terminal.print(
        table.columns().stream()
            .map(
                column ->
                    row("  " + column.name(), column.type().key(), column.unit(), column.meaning()))
            .toList());
  }

  /** What was found odd about a dataset's capture. */
  private void beware(JsonNode findings) {
    if (findings.isObject()) {
      for (CaptureFindings.Note note : Json.fromTree(findings, CaptureFindings.class).notes()) {
        terminal.out().println();
        terminal.out().println("beware of " + note.name() + ": " + note.text());
      }
    }
  }

  private static String columns(Folder folder, PublishedFile file) throws IOException {
    if (!file.path().endsWith(".parquet")) {
      return "";
    }
    try (TableReader reader = TableReader.open(folder, file.path())) {
      return String.join(", ", reader.columns());
    }
  }

  private static void keys(JsonNode node, List<String[]> lines) {
    if (node == null || !node.isObject()) {
      return;
    }
    for (Iterator<Map.Entry<String, JsonNode>> all = node.fields(); all.hasNext(); ) {
      Map.Entry<String, JsonNode> entry = all.next();
      lines.add(row("  " + entry.getKey(), one(entry.getValue())));
    }
  }

  /** A value in one line of bearable length. */
  private static String one(JsonNode node) {
    String text = node.isTextual() ? node.asText() : Json.line(node).replace(",\"", ", \"");
    return text.length() <= 160 ? text : text.substring(0, 159) + "…";
  }

  private static String shortened(String identity) {
    return identity.substring(0, Math.min(12, identity.length()));
  }

  private static String[] row(String... cells) {
    return cells;
  }
}
