package dev.ontogeny.ml;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.spark.Batched;
import dev.ontogeny.spark.Gpus;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/**
 * Adds codes to rows, and reconstructions if they are wanted, a batch at a time. In memory: the
 * dictionary, once for each process and once more in the kernel's own form for each task, and
 * {@value #BATCH} rows.
 *
 * @param inputs the columns that are read, in the order of the dictionary's sources
 */
record EncodeRows(
    Broadcast<HeldDictionary> held, List<VectorInput> inputs, boolean reconstructing, String kernel)
    implements MapPartitionsFunction<Row, Row> {
  private static final int BATCH = 256;

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    return rows.hasNext() ? new Encoding(rows) : rows;
  }

  /** Of the rows of a partition. */
  private final class Encoding extends Batched<Row> {
    private final Iterator<Row> rows;
    private final Dictionary dictionary = held.value().dictionary();
    private final EncodingKernel encoding;
    private final FloatMatrix batch = FloatMatrix.zeros(BATCH, dictionary.readColumns());
    private final SparseCodes codes = new SparseCodes(dictionary.width());
    private final FloatMatrix back =
        FloatMatrix.zeros(reconstructing ? BATCH : 0, dictionary.inputs());

    Encoding(Iterator<Row> rows) {
      this.rows = rows;
      TaskContext task = TaskContext.get();
      this.encoding = Gpus.provider(kernel, task.cpus()).encoding(dictionary, BATCH);
      task.addTaskCompletionListener(
          ended -> {
            encoding.close();
          });
    }

    @Override
    protected List<Row> batch() {
      if (!rows.hasNext()) {
        return null;
      }
      List<Row> given = new ArrayList<>();
      while (given.size() < BATCH && rows.hasNext()) {
        Row row = rows.next();
        int first = given.size() * batch.columns();
        List<Source> read = dictionary.readSources();
        for (int s = 0; s < read.size(); s++) {
          inputs.get(s).read(row, read.get(s).width(), batch.values(), first);
          first += read.get(s).width();
        }
        given.add(row);
      }
      encoding.encode(batch.firstRows(given.size()), codes);
      if (reconstructing) {
        encoding.decode(codes, back.firstRows(given.size()));
      }
      List<Row> done = new ArrayList<>();
      for (int i = 0; i < given.size(); i++) {
        done.add(encoded(given.get(i), i));
      }
      return done;
    }

    private Row encoded(Row row, int i) {
      List<Object> values = new ArrayList<>();
      for (int column = 0; column < row.size(); column++) {
        values.add(row.get(column));
      }
      values.add(code(i));
      if (reconstructing) {
        int[] columns = dictionary.sourceColumns();
        for (int source : dictionary.reconstructed()) {
          values.add(reconstruction(i, columns[source], columns[source + 1]));
        }
      }
      return RowFactory.create(values.toArray());
    }

    private Vector code(int i) {
      int from = codes.starts()[i];
      int to = codes.starts()[i + 1];
      double[] values = new double[to - from];
      for (int at = from; at < to; at++) {
        values[at - from] = codes.values()[at];
      }
      return Vectors.sparse(
          codes.features(), Arrays.copyOfRange(codes.indices(), from, to), values);
    }

    private Vector reconstruction(int i, int from, int to) {
      double[] values = new double[to - from];
      for (int column = from; column < to; column++) {
        values[column - from] = back.at(i, column);
      }
      return Vectors.dense(values);
    }
  }
}
