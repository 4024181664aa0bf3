package dev.ontogeny.dictionary;

import dev.ontogeny.run.Identity;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.Collection;

/**
 * Where activations come from: one site of the network at one training checkpoint.
 *
 * @param site a TransformerLens name such as {@code blocks.3.hook_resid_post}
 * @param checkpoint training step
 * @param width dimensions of an activation
 */
public record Source(String site, long checkpoint, int width) implements Serializable {
  /** Names of files take 255 bytes, of which the site is a part. */
  private static final int LONGEST = 100;

  public Source {
    if (site == null || site.isEmpty() || width < 1) {
      throw new IllegalArgumentException(
          "a source needs a site and a width of at least 1, got '" + site + "', " + width);
    }
  }

  /**
   * A site in names of dictionaries and series, which are names of folders too: what may not stand
   * in these becomes {@code _}. Sites that would become the same, or are cut, are told apart by a
   * few digits.
   *
   * @param among all sites that names are made for
   */
  public static String nameOf(String site, Collection<String> among) {
    String name = plain(site);
    boolean told =
        site.length() <= LONGEST
            && among.stream().noneMatch(other -> !other.equals(site) && plain(other).equals(name));
    return told
        ? name
        : name + "-" + Identity.sha256(site.getBytes(StandardCharsets.UTF_8)).substring(0, 8);
  }

  private static String plain(String site) {
    String plain = site.replaceAll("[^A-Za-z0-9._-]", "_");
    return plain.substring(0, Math.min(plain.length(), LONGEST));
  }
}
