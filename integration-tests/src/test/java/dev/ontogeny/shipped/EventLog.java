package dev.ontogeny.shipped;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.run.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What Spark wrote of a run: its stages, with what each of their tasks took.
 *
 * @param stages in the order of their end; those of the same place in the code together
 */
record EventLog(List<Stage> stages) {
  /** Settings with which a run leaves its log in a folder. */
  static Map<String, String> settings(Path folder) {
    return Map.of(
        "spark.eventLog.enabled", "true",
        "spark.eventLog.dir", folder.toUri().toString(),
        "spark.eventLog.compress", "false",
        "spark.eventLog.rolling.enabled", "false");
  }

  /**
   * What ran at one place of the code.
   *
   * @param name where
   * @param seconds from submission to completion, summed over all that ran there
   * @param times how often
   * @param tasks all of them
   */
  record Stage(String name, double seconds, int times, List<Task> tasks) {
    double work() {
      return tasks.stream().mapToDouble(Task::seconds).sum();
    }

    long blocks() {
      return tasks.stream().mapToLong(Task::blocks).sum();
    }
  }

  /**
   * A task that succeeded.
   *
   * @param seconds on its executor
   * @param blocks of a shuffle that it fetched
   */
  record Task(double seconds, long blocks) {}

  /** Seconds in which no stage ran are the driver's own. */
  double stageSeconds() {
    return stages.stream().mapToDouble(Stage::seconds).sum();
  }

  /** Reads the only log of a folder. */
  static EventLog read(Path folder) throws IOException {
    Path file;
    try (Stream<Path> all = Files.list(folder)) {
      file =
          all.filter(each -> !each.getFileName().toString().startsWith("."))
              .findFirst()
              .orElseThrow();
    }
    Map<Integer, List<Task>> tasks = new LinkedHashMap<>();
    Map<String, Stage> stages = new LinkedHashMap<>();
    try (Stream<String> lines = Files.lines(file)) {
      for (String line : (Iterable<String>) lines::iterator) {
        JsonNode event = Json.read(line, JsonNode.class, file.toString());
        switch (event.get("Event").asText()) {
          case "SparkListenerTaskEnd" -> {
            if (event.at("/Task End Reason/Reason").asText().equals("Success")) {
              JsonNode read = event.at("/Task Metrics/Shuffle Read Metrics");
              tasks
                  .computeIfAbsent(event.get("Stage ID").asInt(), none -> new ArrayList<>())
                  .add(
                      new Task(
                          event.at("/Task Metrics/Executor Run Time").asLong() / 1e3,
                          read.path("Remote Blocks Fetched").asLong()
                              + read.path("Local Blocks Fetched").asLong()));
            }
          }
          case "SparkListenerStageCompleted" -> {
            JsonNode info = event.get("Stage Info");
            Stage stage =
                new Stage(
                    info.get("Stage Name").asText(),
                    (info.get("Completion Time").asLong() - info.get("Submission Time").asLong())
                        / 1e3,
                    1,
                    tasks.getOrDefault(info.get("Stage ID").asInt(), List.of()));
            stages.merge(stage.name, stage, EventLog::together);
          }
          default -> {
            // Of no interest here.
          }
        }
      }
    }
    return new EventLog(List.copyOf(stages.values()));
  }

  private static Stage together(Stage a, Stage b) {
    List<Task> all = new ArrayList<>(a.tasks);
    all.addAll(b.tasks);
    return new Stage(a.name, a.seconds + b.seconds, a.times + b.times, all);
  }
}
