/** Statistics that merge: associative, commutative, with an identity and a byte form. */
package dev.ontogeny.stats;
