package dev.ontogeny.kernel.cpu;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.StepProfile;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.matrix.Transposition;
import dev.ontogeny.type.Activation;

/** Encoding and decoding on the CPU. Room for codes grows with the fullest batch so far. */
final class CpuEncoding implements EncodingKernel {
  private final CpuMachine machine;
  private final Dictionary dictionary;
  private final int inputs;

  /** Of these, those that are read: the first ones. */
  private final int read;

  /** Latents of a row where k decides; 0 for all above their bounds. */
  private final int k;

  private final float[] bounds;
  private final float lowestBound;
  private final CpuEncoder encoder;
  private final float[] columnScale;
  private final float[] inverseScale;
  private final float[][] centred;
  private final BatchCodes codes;

  /** Of types that are gated by source, else null. */
  private final SourceGates gates;

  private final EntriesOfPart[] open;

  CpuEncoding(CpuMachine machine, Dictionary dictionary, int maximumBatch) {
    this.machine = machine;
    this.dictionary = dictionary;
    this.inputs = dictionary.inputs();
    this.read = dictionary.readColumns();
    this.k = dictionary.type().activation() == Activation.LARGEST_OF_ROW ? dictionary.k() : 0;
    this.bounds = dictionary.firingThreshold();
    this.gates = dictionary.type().activation().bySource() ? SourceGates.of(dictionary) : null;
    float lowest = Float.POSITIVE_INFINITY;
    for (float bound : bounds) {
      lowest = Math.min(lowest, bound);
    }
    this.lowestBound = lowest;
    this.columnScale = dictionary.columnScale();
    this.inverseScale = columnScale.clone();
    for (int i = 0; i < inputs; i++) {
      inverseScale[i] = 1 / columnScale[i];
    }
    int usual = Math.min(dictionary.width(), k > 0 ? k : CpuSelection.USUAL_ACTIVE);
    this.encoder =
        new CpuEncoder(machine, read, dictionary.width(), usual, maximumBatch, dictionary.k() > 0);
    this.codes = new BatchCodes(maximumBatch, encoder.blockRows(), dictionary.width(), usual);
    int workers = machine.workers().count();
    this.centred = new float[workers][encoder.blockRows() * read];
    this.open = new EntriesOfPart[gates == null ? 0 : workers];
    for (int worker = 0; worker < open.length; worker++) {
      open[worker] = new EntriesOfPart(dictionary.width());
    }
    float[] byLatent = Transposition.of(dictionary.encoder().firstRows(read));
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
    into.reset(rows, codes.total(rows));
    for (int row = 0; row < rows; row++) {
      int at = into.starts()[row];
      int from = codes.from(row);
      int count = codes.to(row) - from;
      int block = codes.block(row);
      System.arraycopy(codes.latents[block], from, into.indices(), at, count);
      System.arraycopy(codes.values[block], from, into.values(), at, count);
      into.starts()[row + 1] = at + count;
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
              (first + row) * batch.columns(),
              dictionary.inputMean(),
              columnScale,
              dictionary.decoderBias(),
              rows,
              row * read,
              read);
    }
    encoder.preActivations(worker, rows, 0, count, dictionary.encoderBias(), StepProfile.OFF);
    for (int row = 0; row < count; row++) {
      RowSelection selection = encoder.selection(worker, row);
      float[] values = encoder.values(worker);
      int at = row * dictionary.width();
      int found =
          k > 0
              ? selection.select(values, at, k)
              : selection.above(values, at, bounds, lowestBound);
      codes.set(first + row, selection, found, true);
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
                decodeRow(worker, codes, row, into.values(), row * into.columns());
              }
            });
  }

  private void decodeRow(int worker, SparseCodes codes, int row, float[] into, int at) {
    Loops loops = machine.loops();
    float[] decoder = dictionary.decoder().values();
    int[] latents = codes.indices();
    float[] values = codes.values();
    int from = codes.starts()[row];
    int to = codes.starts()[row + 1];
    if (gates == null) {
      loops.weightedSum(decoder, inputs, latents, values, from, to, true, into, at);
    } else {
      gates.decode(loops, decoder, latents, values, from, to, open[worker], into, at);
    }
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
