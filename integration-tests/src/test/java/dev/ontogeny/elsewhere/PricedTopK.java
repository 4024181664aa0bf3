package dev.ontogeny.elsewhere;

import dev.ontogeny.run.Problems;
import dev.ontogeny.type.Activation;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.Norms;
import dev.ontogeny.type.Penalty;
import dev.ontogeny.type.Selection;
import dev.ontogeny.type.TypeSettings;
import java.util.Optional;

/**
 * A type of dictionary as somebody else's jar adds it: the k largest of a row, which are paid for
 * besides.
 *
 * @param price of the codes' sum
 */
public record PricedTopK(int k, double price) implements TypeSettings {
  public PricedTopK {
    new Problems().atLeast("k", k, 1).atLeast("price", price, 0).raise();
  }

  @Override
  public DictionaryType type() {
    return new Type();
  }

  @Override
  public Selection selection() {
    return new Selection.LargestOfRow(k, 0);
  }

  @Override
  public Optional<Penalty> codePenalty() {
    return Optional.of(new Penalty.Sum(price, true));
  }

  @Override
  public Norms norms() {
    return Norms.FREE;
  }

  /** What the jar's {@code META-INF/services} names. */
  public static final class Type extends DictionaryType {
    public Type() {
      super(
          "priced-top-k",
          "The k largest of a row under an L1 penalty.",
          "priced-top-k",
          Activation.LARGEST_OF_ROW,
          PricedTopK.class);
    }

    @Override
    public String defaults() {
      return "price = 0.25";
    }
  }
}
