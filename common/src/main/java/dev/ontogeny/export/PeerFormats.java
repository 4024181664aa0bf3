package dev.ontogeny.export;

import dev.ontogeny.run.Failure;
import java.util.List;
import java.util.Locale;

/** All formats, one line each. */
public final class PeerFormats {
  private static final List<PeerFormat> ALL =
      List.of(
          new SaeLens(),
          new DictionaryLearning(),
          new Sparsify(),
          new Llamascopium(),
          new PlainSafetensors());

  private PeerFormats() {}

  /** In the order in which people read of them. */
  public static List<PeerFormat> all() {
    return ALL;
  }

  /** Their keys. */
  public static String[] keys() {
    return ALL.stream().map(PeerFormat::key).toArray(String[]::new);
  }

  /** The format of that key. */
  public static PeerFormat of(String key) {
    return ALL.stream()
        .filter(each -> each.key().equals(key))
        .findFirst()
        .orElseThrow(
            () ->
                Failure.settings(
                    "format must be one of %s, got '%s'", String.join(", ", keys()), key));
  }

  /** What there is to choose from, for {@code --help}. */
  public static String help() {
    StringBuilder help = new StringBuilder();
    ALL.forEach(
        each -> help.append(String.format(Locale.ROOT, "%s: %s%n", each.key(), each.summary())));
    return help.toString();
  }
}
