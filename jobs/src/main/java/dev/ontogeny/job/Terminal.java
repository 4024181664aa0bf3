package dev.ontogeny.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.run.Json;
import dev.ontogeny.spark.Progress;
import java.io.PrintStream;
import java.util.List;

/**
 * Where a command speaks: results on standard output, progress and failures on standard error.
 *
 * @param live whether standard error is a terminal that a line may be rewritten on
 * @param columns of that terminal
 * @param outcome what is said of it to those who do not listen
 */
public record Terminal(
    PrintStream out, PrintStream error, boolean live, int columns, Outcome outcome) {

  /** With nothing done yet. */
  public Terminal(PrintStream out, PrintStream error, boolean live, int columns) {
    this(out, error, live, columns, new Outcome());
  }

  /** This process; the launcher tells whether there is a terminal, without it there is none. */
  public static Terminal ofProcess() {
    boolean live = "live".equals(System.getenv("ONTOGENY_PROGRESS"));
    String columns = System.getenv().getOrDefault("COLUMNS", "");
    return new Terminal(
        System.out,
        System.err,
        live,
        columns.matches("\\d{2,4}") ? Integer.parseInt(columns) : 100);
  }

  public Progress progress() {
    return live ? Progress.live(error, columns) : Progress.logged();
  }

  public void print(Job.Plan plan) {
    print(
        plan.lines().entrySet().stream()
            .map(line -> new String[] {line.getKey(), line.getValue()})
            .toList());
  }

  /** Columns side by side. */
  public void print(List<String[]> rows) {
    for (String[] row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < row.length; i++) {
        int column = i;
        int width =
            rows.stream()
                .filter(each -> each.length > column)
                .mapToInt(each -> each[column].length())
                .max()
                .orElse(0);
        line.append(row[i]).append(" ".repeat(width - row[i].length() + 2));
      }
      out.println(line.toString().stripTrailing());
    }
  }

  public void print(String job, Job.Result result) {
    if (result.alreadyDone()) {
      out.println(
          result.output()
              + " is already published from the same settings and inputs: nothing to do");
    }
    result.lines().forEach(out::println);
    ObjectNode node = Json.object();
    node.put("job", job);
    node.put("kind", result.manifest().kind());
    node.put("identity", result.manifest().identity());
    node.put("output", result.output());
    node.put("already_done", result.alreadyDone());
    node.set("summary", result.manifest().summary());
    outcome.did(node);
    out.println("RESULT " + Json.line(node));
  }
}
