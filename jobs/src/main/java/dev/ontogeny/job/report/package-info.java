/**
 * Published tables become pages: {@link dev.ontogeny.job.report.Report} writes the data that the
 * pages of {@code dev.ontogeny.report} read.
 */
package dev.ontogeny.job.report;
