/** Float matrices and sparse codes with their shapes. No arithmetic: that is {@code kernel}. */
package dev.ontogeny.matrix;
