package dev.ontogeny.run;

/** Who has to act after a failure, and the exit code that says so. */
public enum FailureKind {
  /** Anything not foreseen: a bug. */
  INTERNAL(1),
  /** The command line. */
  USAGE(2),
  /** A settings key or a plan. */
  SETTINGS(2),
  /** What was read. */
  DATA(3),
  /** Disk, memory, an unreachable store. */
  RESOURCES(4),
  /** Another run has the folder: the same command later finds what it did. */
  BUSY(4);

  private final int exitCode;

  FailureKind(int exitCode) {
    this.exitCode = exitCode;
  }

  public int exitCode() {
    return exitCode;
  }
}
