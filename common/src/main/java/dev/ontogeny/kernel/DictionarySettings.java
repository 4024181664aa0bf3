package dev.ontogeny.kernel;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.ontogeny.kernel.Sparsity.Form;
import dev.ontogeny.kernel.Sparsity.Gate;
import dev.ontogeny.kernel.Sparsity.Penalty;
import dev.ontogeny.run.Nullable;
import dev.ontogeny.run.Problems;
import dev.ontogeny.run.SettingsReader;
import java.io.Serializable;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A dictionary of the grid: its type, its width, and of the type's keys those that differ from what
 * the settings say for all dictionaries of its type.
 */
public record DictionarySettings(
    Type type,
    int width,
    @Nullable Integer k,
    @Nullable Integer initialK,
    @Nullable Integer multiK,
    @Nullable Double multiWeight,
    @Nullable Double thresholdDecay,
    @Nullable Penalty penalty,
    @Nullable Gate gate,
    @Nullable Double coefficient,
    @Nullable Double target,
    @Nullable Double slope,
    @Nullable Double square,
    @Nullable Double bandwidth,
    @Nullable Double initialThreshold,
    @Nullable Double thresholdRate,
    @Nullable Form form,
    @Nullable Long resampleTokens)
    implements Serializable {

  /** Types that can be trained. */
  public enum Type {
    TOP_K(true, TopK.class),
    BATCH_TOP_K(true, BatchTopK.class),
    JUMP_RELU(false, JumpRelu.class),
    RELU(false, Relu.class);

    private final boolean hasK;
    private final Class<? extends Record> defaults;

    Type(boolean hasK, Class<? extends Record> defaults) {
      this.hasK = hasK;
      this.defaults = defaults;
    }

    /** Those that a dictionary of the type can have, beside its width. */
    public List<String> keys() {
      List<String> keys = new ArrayList<>(hasK ? List.of("k") : List.of());
      for (RecordComponent component : defaults.getRecordComponents()) {
        keys.add(SettingsReader.kebab(component.getName()));
      }
      return keys;
    }

    @JsonValue
    public String key() {
      return SettingsReader.constantName(this);
    }
  }

  /** What holds where a dictionary says nothing else; {@code conf/jobs/train.conf} explains it. */
  public record Types(TopK topK, BatchTopK batchTopK, JumpRelu jumpRelu, Relu relu)
      implements Serializable {}

  /** Of {@link Sparsity.TopK}. */
  public record TopK(int initialK, int multiK, double multiWeight) implements Serializable {}

  /** Of {@link Sparsity.BatchTopK}. */
  public record BatchTopK(int initialK, double thresholdDecay) implements Serializable {}

  /** Of {@link Sparsity.JumpRelu}. */
  public record JumpRelu(
      Penalty penalty,
      Gate gate,
      double coefficient,
      double target,
      double slope,
      double square,
      double bandwidth,
      double initialThreshold,
      double thresholdRate)
      implements Serializable {}

  /** Of {@link Sparsity.Relu}. */
  public record Relu(Form form, double coefficient, long resampleTokens) implements Serializable {}

  public DictionarySettings {
    Problems problems = new Problems().atLeast("width", width, 1);
    Map<String, Object> given =
        given(
            k,
            initialK,
            multiK,
            multiWeight,
            thresholdDecay,
            penalty,
            gate,
            coefficient,
            target,
            slope,
            square,
            bandwidth,
            initialThreshold,
            thresholdRate,
            form,
            resampleTokens);
    for (String key : given.keySet()) {
      problems.check(
          type.keys().contains(key),
          key,
          "does not belong to type %s, which has width, %s",
          type.key(),
          String.join(", ", type.keys()));
    }
    problems.check(
        k != null || !type.keys().contains("k"), "k", "is required for type %s", type.key());
    problems.raise();
  }

  /** What is not null of all components but type and width, in their order. */
  private static Map<String, Object> given(Object... values) {
    RecordComponent[] components = DictionarySettings.class.getRecordComponents();
    int first = components.length - values.length;
    Map<String, Object> given = new LinkedHashMap<>();
    for (int i = 0; i < values.length; i++) {
      if (values[i] != null) {
        given.put(SettingsReader.kebab(components[first + i].getName()), values[i]);
      }
    }
    return given;
  }

  /** Type, width, k and every other key that it gives: part of the names of its dictionaries. */
  public String label() {
    StringBuilder label = new StringBuilder(type.key()).append("-w").append(width);
    given(keyed())
        .forEach(
            (key, value) -> {
              String text =
                  value instanceof Enum<?> constant
                      ? SettingsReader.constantName(constant)
                      : String.valueOf(value);
              label.append('-').append(key).append(value instanceof Enum<?> ? "-" : "");
              label.append(text);
            });
    return label.toString();
  }

  private Object[] keyed() {
    return Arrays.stream(getClass().getRecordComponents()).skip(2).map(this::value).toArray();
  }

  private Object value(RecordComponent component) {
    try {
      return component.getAccessor().invoke(this);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(component + " cannot be read", e);
    }
  }

  /** Whether decoder norms mean something to the choice or the penalty. */
  public boolean freeNorms(Types types) {
    return switch (type) {
      case TOP_K -> false;
      case BATCH_TOP_K -> true;
      case JUMP_RELU -> {
        Penalty paid = or(penalty, types.jumpRelu.penalty);
        yield paid == Penalty.TANH || paid == Penalty.TANH_QUADRATIC;
      }
      case RELU -> or(form, types.relu.form) == Form.NORM_WEIGHTED;
    };
  }

  /** With what holds for all of its type where this says nothing. */
  public Sparsity sparsity(Types types) {
    return switch (type) {
      case TOP_K ->
          new Sparsity.TopK(
              k,
              or(initialK, types.topK.initialK),
              or(multiK, types.topK.multiK),
              or(multiWeight, types.topK.multiWeight));
      case BATCH_TOP_K ->
          new Sparsity.BatchTopK(
              k,
              or(initialK, types.batchTopK.initialK),
              or(thresholdDecay, types.batchTopK.thresholdDecay));
      case JUMP_RELU ->
          new Sparsity.JumpRelu(
              or(penalty, types.jumpRelu.penalty),
              or(gate, types.jumpRelu.gate),
              or(coefficient, types.jumpRelu.coefficient),
              or(target, types.jumpRelu.target),
              or(slope, types.jumpRelu.slope),
              or(square, types.jumpRelu.square),
              or(bandwidth, types.jumpRelu.bandwidth),
              or(initialThreshold, types.jumpRelu.initialThreshold),
              or(thresholdRate, types.jumpRelu.thresholdRate));
      case RELU ->
          new Sparsity.Relu(
              or(form, types.relu.form),
              or(coefficient, types.relu.coefficient),
              or(resampleTokens, types.relu.resampleTokens));
    };
  }

  private static <T> T or(T given, T otherwise) {
    return given == null ? otherwise : given;
  }
}
