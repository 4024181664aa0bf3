package dev.ontogeny.stats;

import java.io.Serializable;

/**
 * A label whose values are counted.
 *
 * @param column among the dataset's labels
 * @param values sorted
 * @param rows of each value
 * @param offset of the first value among the values of all labels
 */
public record LabelValues(String name, int column, String[] values, long[] rows, int offset)
    implements Serializable {}
