/**
 * What runs any job: the command line, the line of jobs, what is said of failures. The jobs
 * themselves have a package each, whose only door is the class that is named like it, with its
 * settings. The only packages that know picocli.
 */
package dev.ontogeny.job;
