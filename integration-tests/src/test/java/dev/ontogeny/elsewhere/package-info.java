/** What users add in jars of their own: compiled here, packed by the tests that need it. */
package dev.ontogeny.elsewhere;
