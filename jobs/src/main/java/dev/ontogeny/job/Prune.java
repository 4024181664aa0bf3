package dev.ontogeny.job;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Leftovers;
import dev.ontogeny.data.Leftovers.Leftover;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Tells, and removes if asked to, what nobody needs any more in folders that jobs wrote. */
@Command(
    name = "prune",
    description = {
      "Lists, and with --delete removes, what is left over in published and unfinished folders.",
      "",
      "In a published folder that is every file that its manifest does not name. In a folder that a job has begun, or begun to extend, and not finished:"
          + " what attempts that were killed left half-written, and progress of other settings than those that were begun last; finished"
          + " work and saved states stay, so that the job still goes on where it was. Where a run is at work nothing is removed: all other folders"
          + " are done, and the exit code is 4. A folder that no job wrote is never touched (exit code 2)."
    },
    mixinStandardHelpOptions = true)
final class Prune implements Callable<Integer> {
  private final Terminal terminal;

  @Parameters(
      arity = "1..*",
      paramLabel = "FOLDER",
      description =
          "A folder that a job has published or begun, or one that holds such folders (work of a pipeline file); s3a://… as well.")
  private List<String> locations = new ArrayList<>();

  @Option(names = "--delete", description = "Remove it. Without this it is only listed.")
  private boolean delete;

  Prune(Terminal terminal) {
    this.terminal = terminal;
  }

  @Override
  public Integer call() {
    // All that cannot be right is told before anything is removed.
    Set<Folder> folders = new LinkedHashSet<>();
    for (String location : locations) {
      folders.addAll(Leftovers.publications(Folder.of(location)));
    }
    List<Leftover> all = new ArrayList<>();
    List<String> busy = new ArrayList<>();
    for (Folder folder : folders) {
      try {
        List<Leftover> found = delete ? Leftovers.remove(folder) : Leftovers.find(folder);
        tell(folder, found);
        all.addAll(found);
      } catch (Failure atWork) {
        if (atWork.kind() != FailureKind.BUSY) {
          throw atWork;
        }
        busy.add(atWork.getMessage());
      }
    }
    terminal
        .out()
        .println(
            all.isEmpty()
                ? "nothing is left over"
                : String.format(
                    Locale.ROOT,
                    "%,d left over, %s: %s",
                    all.size(),
                    new ByteSize(Leftovers.bytes(all)),
                    delete ? "removed" : "--delete removes them"));
    if (!busy.isEmpty()) {
      throw Failure.busy("%s", String.join("; ", busy));
    }
    return 0;
  }

  private void tell(Folder folder, List<Leftover> found) {
    terminal.out().println(folder);
    terminal.print(
        found.stream()
            .map(each -> new String[] {"  " + each.path(), new ByteSize(each.bytes()).toString()})
            .toList());
  }
}
