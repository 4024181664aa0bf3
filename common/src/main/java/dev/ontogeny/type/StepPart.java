package dev.ontogeny.type;

import java.io.Serializable;

/** A part of a training step, as data. */
public interface StepPart extends Serializable {
  /** What a provider that lacks it says it lacks. */
  String words();
}
