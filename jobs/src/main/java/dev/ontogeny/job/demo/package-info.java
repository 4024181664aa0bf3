/**
 * The whole line on data whose features are known, and how well they are found again: {@link
 * dev.ontogeny.job.demo.Demo}.
 */
package dev.ontogeny.job.demo;
