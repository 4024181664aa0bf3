package dev.ontogeny.job.shard;

import dev.ontogeny.run.SettingsReader;

/** Why a token is not in a dataset; where several apply, the first counts. */
enum ShardRule {
  POSITION(1),
  FIRST_TOKEN(12),
  DROP_TOKEN_IDS(11),
  NORM(2),
  WIDTH(3),
  NULL_ELEMENT(9),
  NAN(4),
  OVERFLOW(10),
  INFINITE(5),
  TOKEN_ID(6),
  MISSING(7),
  DUPLICATE(8);

  private final int code;

  ShardRule(int code) {
    this.code = code;
  }

  /** Stands for the rule in shuffled rows; never 0. */
  int code() {
    return code;
  }

  static ShardRule of(int code) {
    for (ShardRule rule : values()) {
      if (rule.code == code) {
        return rule;
      }
    }
    throw new IllegalArgumentException("no rule has code " + code);
  }

  /** As settings and manifests write it. */
  String key() {
    return SettingsReader.constantName(this);
  }

  /** Filters are asked for; faults are found. */
  boolean isFilter() {
    return this == POSITION || this == FIRST_TOKEN || this == DROP_TOKEN_IDS || this == NORM;
  }
}
