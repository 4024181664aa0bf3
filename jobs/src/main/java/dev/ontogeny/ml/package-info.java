/**
 * Dictionaries as Spark ML knows models: estimators that are fitted to a DataFrame, models that
 * encode its rows, an evaluator. The arithmetic and the training are those of the jobs: a fit
 * shards the rows and trains as {@code ontogeny shard} and {@code ontogeny train} do, and a saved
 * model holds a folder as {@code train} publishes it. An <i>input column</i> has a vector in every
 * row and is what a site is elsewhere.
 */
package dev.ontogeny.ml;
