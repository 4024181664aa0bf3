package dev.ontogeny.shipped;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigRenderOptions;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A pipeline file in a folder: the whole line of it, or one job of it on what a whole line has
 * published there, and what came of either.
 *
 * @param work where the folders of lines are
 */
record ShippedLine(Path work, Path pipeline) {
  /** The folders of a line by job, in the order of the line. */
  static final Map<String, String> FOLDERS =
      Map.of(
          "shard", "dataset",
          "train", "dictionaries",
          "measure", "features",
          "evolve", "evolution",
          "report", "report");

  /** What each job reads. */
  private static final Map<String, List<String>> INPUTS =
      Map.of(
          "shard", List.of(),
          "train", List.of("dataset"),
          "measure", List.of("dataset", "dictionaries"),
          "evolve", List.of("dataset", "dictionaries", "features"),
          "report", List.of("dataset", "dictionaries", "features", "evolution"));

  /** The whole line into a folder. */
  ShippedJar whole(String into, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of("run", "--config", pipeline.toString(), "--set", "work=" + work.resolve(into)));
    arguments.addAll(List.of(more));
    return ShippedJar.command(arguments.toArray(String[]::new));
  }

  /**
   * One job with its settings and more, on what a whole line published.
   *
   * @param settings each {@code JOB.KEY=VALUE}
   */
  ShippedJar job(String name, String from, String into, String... settings) {
    Config sections = ConfigFactory.parseFile(pipeline.toFile());
    for (String setting : settings) {
      sections = ConfigFactory.parseString(setting).withFallback(sections);
    }
    List<String> arguments = new ArrayList<>(List.of(name));
    sections
        .getConfig(name)
        .entrySet()
        .forEach(
            each -> {
              arguments.add("--set");
              arguments.add(
                  each.getKey() + "=" + each.getValue().render(ConfigRenderOptions.concise()));
            });
    for (String input : INPUTS.get(name)) {
      arguments.addAll(List.of("--set", input + "=" + work.resolve(from).resolve(input)));
    }
    arguments.addAll(List.of("--set", "output=" + output(name, into)));
    return ShippedJar.command(arguments.toArray(String[]::new));
  }

  /** Where a job of a line publishes. */
  Path output(String job, String of) {
    return work.resolve(of).resolve(FOLDERS.get(job));
  }

  Folder folder(String of, String name) {
    return Folder.of(work.resolve(of).resolve(name).toString());
  }

  Manifest manifest(String of, String name) {
    return Manifest.read(folder(of, name), name);
  }

  /** All files but the manifest. */
  Set<String> onDisk(String of, String name) throws IOException {
    Set<String> files = new HashSet<>(folder(of, name).list(""));
    files.remove(Manifest.FILE);
    return files;
  }

  /** All files that a manifest names. */
  static Set<String> named(Manifest manifest) {
    Set<String> files = new HashSet<>();
    manifest.files().forEach(file -> files.add(file.path()));
    return files;
  }

  /** Checksums of all files; names carry task attempts, so they may differ. */
  List<String> checksums(String of, String name) {
    return manifest(of, name).files().stream().map(PublishedFile::sha256).sorted().toList();
  }
}
