/**
 * The models, as data: tensors, their names, their file format. No arithmetic: that is {@code
 * kernel}.
 */
package dev.ontogeny.dictionary;
