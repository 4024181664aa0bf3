/**
 * The commands: one class per job with its settings, and its task classes. The only package that
 * knows picocli.
 */
package dev.ontogeny.job;
