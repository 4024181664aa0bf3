/**
 * What a run is told, what it is called and how it may fail: settings, identities, seeds,
 * provenance, failures. Nothing here knows of dictionaries, files or clusters.
 */
package dev.ontogeny.run;
