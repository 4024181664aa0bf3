/**
 * Other people's dictionaries become published ones: {@link dev.ontogeny.job.imports.Imports} looks
 * at each, says where it belongs, and a task writes it with its quality on the dataset's held-out
 * rows. The formats are {@code dev.ontogeny.export}.
 */
package dev.ontogeny.job.imports;
