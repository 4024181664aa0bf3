package dev.ontogeny.job.measure;

import dev.ontogeny.data.RowBlock;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TokenBlock;
import dev.ontogeny.data.TokenOrder;
import dev.ontogeny.spark.Batched;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.broadcast.Broadcast;

/** Reads the tokens of the blocks of a partition. */
final class MeasureTokens implements FlatMapFunction<Iterator<List<RowBlock>>, BlockBytes> {
  private static final long serialVersionUID = 1;

  private final Broadcast<ShardedDataset> dataset;
  private final TokenBlock.Columns columns;
  private final TokenOrder order;

  MeasureTokens(Broadcast<ShardedDataset> dataset, TokenBlock.Columns columns, TokenOrder order) {
    this.dataset = dataset;
    this.columns = columns;
    this.order = order;
  }

  @Override
  public Iterator<BlockBytes> call(Iterator<List<RowBlock>> partition) {
    TokenBlock.Reader reader = new TokenBlock.Reader(dataset.value(), columns, order);
    TaskContext.get()
        .addTaskCompletionListener(
            context -> {
              try {
                reader.close();
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    Iterator<RowBlock> blocks = partition.next().iterator();
    return new Batched<>() {
      @Override
      protected List<BlockBytes> batch() throws Exception {
        return blocks.hasNext() ? BlockBytes.cut(reader.read(blocks.next())) : null;
      }
    };
  }
}
