/**
 * A dataset becomes dictionaries: {@link dev.ontogeny.job.train.Train} plans lanes, each a task
 * that trains side by side what reads the same rows.
 */
package dev.ontogeny.job.train;
