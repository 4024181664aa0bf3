package dev.ontogeny.run;

import java.io.Serializable;

/**
 * What a job had to do, how long that was thought to take, and how long it took. It says nothing of
 * what was published, and nothing follows from it but how long a later run is thought to take.
 *
 * @param bytes read
 * @param flops floating-point operations
 * @param features times the checkpoints at which each is looked at
 * @param tasks that could be at work at once
 * @param threads of each of them
 * @param cores that there were
 * @param rates where the rates came from by which it was predicted: {@code default}, or the folders
 * @param seconds from the claim of the folder to its manifest
 */
public record Effort(
    double bytes,
    double flops,
    double features,
    int tasks,
    int threads,
    int cores,
    String rates,
    double predictedSeconds,
    double seconds)
    implements Serializable {}
