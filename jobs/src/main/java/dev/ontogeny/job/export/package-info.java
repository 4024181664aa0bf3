/**
 * Published dictionaries become other people's files: {@link dev.ontogeny.job.export.Export} plans
 * which, a task writes each. The formats are {@code dev.ontogeny.export}.
 */
package dev.ontogeny.job.export;
