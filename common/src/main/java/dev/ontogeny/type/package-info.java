/**
 * Types of dictionaries, each one thing in one file: its key, its settings with their bounds, the
 * rule of its published form, and the parts of which a step of its training is composed: selection,
 * reconstructions, target, penalty, norms. Parts are data; providers of {@code dev.ontogeny.kernel}
 * do them. {@link dev.ontogeny.type.DictionaryTypes} knows all types, those of other jars included.
 * What a trained dictionary holds is {@code dev.ontogeny.dictionary}.
 */
package dev.ontogeny.type;
