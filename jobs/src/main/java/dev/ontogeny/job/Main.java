package dev.ontogeny.job;

/** The one entry point. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    System.out.println(arguments.length);
  }
}
