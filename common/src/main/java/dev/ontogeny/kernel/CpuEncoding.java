package dev.ontogeny.kernel;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;

/** Encoding and decoding on the CPU. */
final class CpuEncoding implements EncodingKernel {
  private final CpuMachine machine;
  private final Dictionary dictionary;
  private final int inputs;
  private final int k;
  private final CpuEncoder encoder;
  private final float[] columnScale;
  private final float[] inverseScale;
  private final float[][] centred;
  private final int[] latents;
  private final float[] values;
  private final int[] counts;

  CpuEncoding(CpuMachine machine, Dictionary dictionary, int maximumBatch) {
    this.machine = machine;
    this.dictionary = dictionary;
    this.inputs = dictionary.inputs();
    this.k = dictionary.k();
    this.columnScale = dictionary.columnScale();
    this.inverseScale = columnScale.clone();
    for (int i = 0; i < inputs; i++) {
      inverseScale[i] = 1 / columnScale[i];
    }
    this.encoder = new CpuEncoder(machine, inputs, dictionary.width(), k, maximumBatch);
    this.centred = new float[machine.workers().count()][encoder.blockRows() * inputs];
    this.latents = new int[maximumBatch * k];
    this.values = new float[maximumBatch * k];
    this.counts = new int[maximumBatch];
    float[] byLatent = Transposition.of(dictionary.encoder());
    machine
        .workers()
        .run(encoder.panels(), (worker, panel) -> encoder.pack(worker, panel, byLatent));
  }

  @Override
  public void encode(FloatMatrix batch, SparseCodes into) {
    int rows = batch.rows();
    machine
        .workers()
        .run(encoder.blocks(rows), (worker, block) -> encodeBlock(batch, worker, block));
    into.reset(rows, rows * k);
    for (int row = 0; row < rows; row++) {
      int at = into.starts()[row];
      System.arraycopy(latents, row * k, into.indices(), at, counts[row]);
      System.arraycopy(values, row * k, into.values(), at, counts[row]);
      into.starts()[row + 1] = at + counts[row];
    }
  }

  private void encodeBlock(FloatMatrix batch, int worker, int block) {
    int first = block * encoder.blockRows();
    int count = Math.min(encoder.blockRows(), batch.rows() - first);
    float[] rows = centred[worker];
    for (int row = 0; row < count; row++) {
      machine
          .loops()
          .centre(
              batch.values(),
              (first + row) * inputs,
              dictionary.inputMean(),
              columnScale,
              dictionary.decoderBias(),
              rows,
              row * inputs,
              inputs);
    }
    encoder.preActivations(worker, rows, 0, count, dictionary.encoderBias());
    for (int row = 0; row < count; row++) {
      RowSelection selection = encoder.selection(worker, row);
      counts[first + row] = selection.select(encoder.values(worker), row * dictionary.width(), k);
      selection.write(true, latents, values, (first + row) * k);
    }
  }

  @Override
  public void decode(SparseCodes codes, FloatMatrix into) {
    int block = 64;
    machine
        .workers()
        .run(
            (codes.rows() + block - 1) / block,
            (worker, number) -> {
              int end = Math.min(codes.rows(), (number + 1) * block);
              for (int row = number * block; row < end; row++) {
                decodeRow(codes, row, into.values(), row * into.columns());
              }
            });
  }

  private void decodeRow(SparseCodes codes, int row, float[] into, int at) {
    machine
        .loops()
        .weightedSum(
            dictionary.decoder().values(),
            inputs,
            codes.indices(),
            codes.values(),
            codes.starts()[row],
            codes.starts()[row + 1],
            true,
            into,
            at);
    for (int i = 0; i < inputs; i++) {
      into[at + i] =
          (into[at + i] + dictionary.decoderBias()[i]) * inverseScale[i]
              + dictionary.inputMean()[i];
    }
  }

  @Override
  public void close() {
    encoder.close();
  }
}
