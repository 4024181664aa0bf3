package dev.ontogeny.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TokenOrderTest {

  @Test
  void shardIsTheHashScaled() {
    Random random = new Random(1);
    for (int shards : new int[] {1, 2, 10, 207, 100_000, Integer.MAX_VALUE}) {
      TokenOrder order = TokenOrder.of(7, shards);
      for (long hash : new long[] {0, -1, Long.MIN_VALUE, Long.MAX_VALUE, random.nextLong()}) {
        BigInteger unsigned = new BigInteger(Long.toUnsignedString(hash));
        int expected = unsigned.multiply(BigInteger.valueOf(shards)).shiftRight(64).intValueExact();
        assertThat(order.shard(hash)).isEqualTo(expected);
      }
    }
  }

  @Test
  void placesStayWhereTheyAre() {
    TokenOrder order = TokenOrder.of(0, 10);
    // Published datasets are read by these numbers: they must never change.
    assertThat(order.hash(0L, 0)).isEqualTo(8105399082678659777L);
    assertThat(order.hash("pile/17", 3)).isEqualTo(-3203426877815359233L);
  }

  @Test
  void tokensSpreadEvenlyAndNeighboursPart() {
    TokenOrder order = TokenOrder.of(3, 10);
    int[] counts = new int[10];
    int together = 0;
    for (int position = 0; position < 100_000; position++) {
      int shard = order.shard(order.hash(5L, position));
      counts[shard]++;
      together += shard == order.shard(order.hash(5L, position + 1)) ? 1 : 0;
    }
    for (int count : counts) {
      assertThat(count).isBetween(9_500, 10_500);
    }
    assertThat(together).isBetween(9_500, 10_500);
  }

  @Test
  void orderIsUnsignedThenByDocumentThenByPosition() {
    assertThat(TokenOrder.compare(-1, 0L, 0, 1, 0L, 0)).isPositive();
    assertThat(TokenOrder.compare(1, -2L, 0, 1, 3L, 0)).isNegative();
    assertThat(TokenOrder.compare(1, 3L, 1, 1, 3L, 0)).isPositive();
    assertThat(TokenOrder.compare(1, 3L, 1, 1, 3L, 1)).isZero();
    assertThat(TokenOrder.compare(1, "b", 0, 1, "é", 0)).isNegative();
    // UTF-16 would put the second, a surrogate pair, before the first.
    assertThat(TokenOrder.compare(1, "\uffee", 0, 1, "\ud83d\ude00", 0)).isNegative();
  }

  @Test
  void thereIsAtLeastOneShard() {
    assertThatThrownBy(() -> TokenOrder.of(0, 0))
        .hasMessage("a dataset has at least one shard, got 0");
  }
}
