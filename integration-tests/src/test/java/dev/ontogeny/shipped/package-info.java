/** The shipped jar, submitted as a user submits it, and what it publishes, read back. */
package dev.ontogeny.shipped;
