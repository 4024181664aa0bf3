/**
 * Captures become a dataset. {@link dev.ontogeny.job.shard.Shard} reads like the job: look at the
 * capture, read and shuffle, write shards, add moments. A row travels as bytes ({@code ShardRow}).
 */
package dev.ontogeny.job.shard;
