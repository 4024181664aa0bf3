/**
 * Files: captures as researchers have them, the sharded dataset, published folders with their
 * manifests, tables as Parquet. Knows Hadoop, Parquet and Spark's types, not what the numbers mean.
 */
package dev.ontogeny.data;
