package dev.ontogeny.evolution;

/**
 * How training steps are laid out when something is fitted over them. A logarithmic axis alone can
 * make a phase where there is none, so whatever is fitted is fitted on both.
 */
public enum TimeAxis {
  /** τ = log10(step + 1). */
  LOG("log10(step+1)"),
  /** Steps as they are. */
  LINEAR("step");

  private final String key;

  TimeAxis(String key) {
    this.key = key;
  }

  /** As the tables write it. */
  public String key() {
    return key;
  }

  /** Where a step lies. */
  public double of(long step) {
    return this == LOG ? Math.log10(step + 1.0) : step;
  }

  /** Where steps lie. */
  public double[] of(long[] steps) {
    double[] result = new double[steps.length];
    for (int t = 0; t < steps.length; t++) {
      result[t] = of(steps[t]);
    }
    return result;
  }

  /** Where steps lie when the first is at 0 and the last at 1; all at 0 if there is one only. */
  public double[] unit(long[] steps) {
    double[] result = of(steps);
    double first = result[0];
    double width = result[result.length - 1] - first;
    for (int t = 0; t < result.length; t++) {
      result[t] = width == 0 ? 0 : (result[t] - first) / width;
    }
    return result;
  }
}
