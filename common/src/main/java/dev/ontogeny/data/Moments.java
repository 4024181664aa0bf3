package dev.ontogeny.data;

import java.io.Serializable;

/**
 * Moments of one (site, checkpoint) over all shards, in captured units.
 *
 * @param mean [d]
 * @param covariance [d, d] row-major, divided by rows
 * @param meanNorm mean of ‖x‖
 * @param meanSquareNorm mean of ‖x‖²
 * @param minimum [d]
 * @param maximum [d]
 * @param geometricMedian [d], of a sample
 */
public record Moments(
    String site,
    long checkpoint,
    long rows,
    double[] mean,
    double[] covariance,
    double meanNorm,
    double meanSquareNorm,
    double[] minimum,
    double[] maximum,
    double[] geometricMedian)
    implements Serializable {}
