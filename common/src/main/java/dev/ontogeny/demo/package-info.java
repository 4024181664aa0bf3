/**
 * Made-up data whose features are known: activations with planted births and deaths, a small
 * network that learns to add, the captures of both, and how well what was planted is found again.
 */
package dev.ontogeny.demo;
