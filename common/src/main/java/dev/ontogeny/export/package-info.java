/**
 * Dictionaries in other people's formats, both ways. Each format is one file, {@link
 * dev.ontogeny.export.PeerFormats} has a line for each; what a format cannot say is refused by
 * name.
 *
 * <p>Words: a <i>peer</i> is another library of sparse dictionaries; a <i>plain dictionary</i>
 * reads activations as they were captured, so that centring and scaling are part of its weights; to
 * <i>fold</i> is to make one out of a {@link dev.ontogeny.dictionary.Dictionary}. Folding keeps
 * codes as they are, in scaled units, and makes reconstructions come out in captured units.
 *
 * <p>It knows files of one dictionary and no cluster: what is done to how many of them is a job's.
 */
package dev.ontogeny.export;
