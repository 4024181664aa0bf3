package dev.ontogeny.dictionary;

import java.io.Serializable;

/**
 * Where activations come from: one site of the network at one training checkpoint.
 *
 * @param site a TransformerLens name such as {@code blocks.3.hook_resid_post}
 * @param checkpoint training step
 * @param width dimensions of an activation
 */
public record Source(String site, long checkpoint, int width) implements Serializable {}
