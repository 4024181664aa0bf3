/**
 * Results become pages: a folder of static files that opens from a disk, without a server. This
 * package knows how data is written into scripts that a browser may load from {@code file://}, how
 * counts over tracks become curves and warnings, and which pages there are; it reads no tables and
 * knows no cluster.
 *
 * <p>Words: a <i>chunk</i> is a script that hands one named value to the pages; a <i>group</i> is a
 * range of tracks whose index is one chunk and which one task writes; a <i>population</i> is
 * everything that is counted over the tracks of a series.
 *
 * <p>The same inputs give the same bytes. One chunk, {@code provenance}, tells when and where the
 * inputs were made and follows their manifests in that.
 */
package dev.ontogeny.report;
