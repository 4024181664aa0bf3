package dev.ontogeny.type;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** What the code of a dictionary reconstructs. */
public enum Target implements StepPart {
  /** What is read: all sources. */
  AUTOENCODER("its own input as target", ""),

  /**
   * Another site of the same tokens at the same checkpoint (transcoders; Dunefsky et al., arXiv
   * 2406.11944). Of two sources side by side the first is read and the second is reconstructed.
   */
  TRANSCODER(
      "another site as target (transcoders)",
      "; the first source is read and the second is reconstructed: rows of W_enc of the second and columns of W_dec"
          + " and b_dec of the first are zero");

  private final String words;
  private final String rule;

  Target(String words, String rule) {
    this.words = words;
    this.rule = rule;
  }

  /** As {@code dictionary.json} writes it. */
  @JsonValue
  public String key() {
    return name().toLowerCase(Locale.ROOT);
  }

  @Override
  public String words() {
    return words;
  }

  /** What it adds to the sentence that says how a code is read, with the tensors' names. */
  public String rule() {
    return rule;
  }

  /** Which of so many sources are read, by their numbers. */
  public List<Integer> read(int sources) {
    return this == TRANSCODER ? List.of(0) : IntStream.range(0, sources).boxed().toList();
  }

  /** Which of so many sources are reconstructed. */
  public List<Integer> reconstructed(int sources) {
    return this == TRANSCODER ? List.of(1) : read(sources);
  }

  /** Those of all sources that are read. */
  public <S> List<S> read(List<S> sources) {
    return read(sources.size()).stream().map(sources::get).toList();
  }

  /** Those of all sources that are reconstructed. */
  public <S> List<S> reconstructed(List<S> sources) {
    return reconstructed(sources.size()).stream().map(sources::get).toList();
  }
}
