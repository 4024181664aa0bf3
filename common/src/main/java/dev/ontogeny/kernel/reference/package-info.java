/**
 * The provider that tests trust: plain Java with gradients in double precision, as the formulas are
 * written.
 */
package dev.ontogeny.kernel.reference;
