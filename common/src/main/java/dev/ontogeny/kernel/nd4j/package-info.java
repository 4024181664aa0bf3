/** The provider that is operations of ND4J alone, and so runs wherever a backend of it does. */
package dev.ontogeny.kernel.nd4j;
