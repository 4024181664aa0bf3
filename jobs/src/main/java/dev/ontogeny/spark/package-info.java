/** The Spark session, job descriptions, progress, task resources. Knows nothing of dictionaries. */
package dev.ontogeny.spark;
