package dev.ontogeny.evolution;

import dev.ontogeny.run.Problems;
import java.io.Serializable;

/**
 * How features of two checkpoints are told to be the same.
 *
 * @param encoderWeight pairs are scored by (1 − w) · decoders' cosine + w · encoders' cosine
 * @param minimumScore least score of a relation
 * @param margin mutual matching only: by how much the nearest must be nearer than the second, on
 *     both sides
 * @param candidates neighbours of a feature that are kept and considered
 * @param assignmentLimit up to this many features the matching of greatest total score decides,
 *     above it mutual nearest neighbours do
 * @param nullSamples features whose directions are shuffled to see how near chance comes
 */
public record MatchingRules(
    double encoderWeight,
    double minimumScore,
    double margin,
    int candidates,
    int assignmentLimit,
    int nullSamples)
    implements Serializable {
  public MatchingRules {
    new Problems()
        .between("encoder-weight", encoderWeight, 0, 1)
        .between("minimum-score", minimumScore, 0, 1)
        .between("margin", margin, 0, 2)
        .between("candidates", candidates, 2, 1024)
        .atLeast("assignment-limit", assignmentLimit, 0)
        .atLeast("null-samples", nullSamples, 1)
        .raise();
  }
}
