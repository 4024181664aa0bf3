/**
 * Files: captures as researchers have them, the sharded dataset, published folders with their
 * manifests, tables as Parquet and the declaration of each. Knows Hadoop, Parquet and Spark's
 * types; what numbers mean it tells in words alone.
 */
package dev.ontogeny.data;
