package dev.ontogeny.run;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Randomness comes from names: a seed is a hash of the run's seed and of what it is for, never of a
 * partition, a clock or a thread.
 */
public final class Seeds {
  private Seeds() {}

  /** The seed of a purpose: the first eight bytes of SHA-256 over the run's seed and the names. */
  public static long of(long seed, Object... names) {
    MessageDigest digest = Identity.newDigest();
    digest.update(ByteBuffer.allocate(Long.BYTES).putLong(seed).flip());
    for (Object name : names) {
      byte[] bytes = String.valueOf(name).getBytes(StandardCharsets.UTF_8);
      digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).flip());
      digest.update(bytes);
    }
    return ByteBuffer.wrap(digest.digest()).getLong();
  }

  /** A generator whose algorithm is named, so that its numbers stay the same on every Java. */
  public static RandomGenerator generator(long seed, Object... names) {
    return RandomGeneratorFactory.of("L64X128MixRandom").create(of(seed, names));
  }

  /**
   * Mixes a value into a hash: the finaliser of SplitMix64, a bijection of 64 bits for every {@code
   * hash}.
   */
  public static long mix(long hash, long value) {
    long z = (hash ^ value) + 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  /** A 64-bit hash of a text under a seed. */
  public static long mix(long hash, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    long result = mix(hash, bytes.length);
    while (buffer.remaining() >= Long.BYTES) {
      result = mix(result, buffer.getLong());
    }
    long rest = 0;
    while (buffer.hasRemaining()) {
      rest = (rest << 8) | (buffer.get() & 0xff);
    }
    return mix(result, rest);
  }
}
