package dev.ontogeny.kernel.cuda;

import com.sun.jna.Pointer;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.AdamStep;
import dev.ontogeny.kernel.DeadLatents;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingSize;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.Transposition;
import dev.ontogeny.run.Failure;
import dev.ontogeny.type.FurtherCode;
import dev.ontogeny.type.FurtherTensor;
import dev.ontogeny.type.Selection;
import dev.ontogeny.type.Selection.LargestOfBatch;
import dev.ontogeny.type.Selection.LargestOfRow;
import dev.ontogeny.type.Target;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The step of {@link TrainingSpecification} on a GPU: one dense product in bf16 that bounds which
 * latents can be chosen, all else on active latents in fp32. The first step with so many rows goes
 * kernel by kernel, the next one is recorded as a graph, and all that follow are one launch. The
 * batch of the next step is copied while one is computed. Nothing but losses leaves the device.
 */
public final class CudaTraining implements TrainingKernel {
  // As step.cu has them.
  private static final int SETTINGS = 10;
  private static final List<String> SCALARS =
      List.of(
          "VARIANCE",
          "LOSS_MAIN",
          "LOSS_FURTHER",
          "TARGET",
          "LOSS_AUXILIARY",
          "FIRED",
          "SQUARES_LATENTS",
          "SQUARES_BIAS",
          "FACTOR_MAIN",
          "FACTOR_FURTHER",
          "FACTOR_AUXILIARY",
          "CLIP",
          "DEAD_BEFORE",
          "DEAD",
          "THRESHOLD",
          "ACTIVE",
          "PRICE",
          "LOSS_PREFIXES",
          "LOSS_COUNT",
          "LOSS_PENALTY");

  /** Into so many parts the latents are cut for what b_dec gets through the encoder. */
  private static final int SHARES = 16;

  /** Columns that a block sums up. */
  private static final int COLUMNS = 32;

  private final TrainingSpecification specification;
  private final Selection selection;

  /** Where the batch decides how many latents of a row fire; else null. */
  private final LargestOfBatch ofBatch;

  private final Optional<FurtherCode> further;
  private final Optimiser optimiser;
  private final Dictionary initial;
  private final boolean unit;
  private final int columns;
  private final int read;
  private final int written;
  private final int width;
  private final int most;
  private final CudaStream stream;

  private CudaParameter encoder;
  private CudaParameter encoderBias;
  private CudaParameter decoder;
  private CudaParameter decoderBias;
  private RowsOnDevice rows;
  private Reconstructed main;
  private Reconstructed more;
  private Reconstructed auxiliary;

  /** Null where the code is the largest pre-activations and nothing else. */
  private CodeParts parts;

  private BatchChoiceOnDevice choice;
  private DeviceArray norms;
  private DeviceArray sourceEnds;
  private DeviceArray weights;
  private DeviceArray sums;
  private DeviceArray squares;
  private DeviceArray through;
  private DeviceArray ofLatents;
  private DeviceArray firings;
  private DeviceArray deaths;
  private DeviceArray silent;
  private DeviceArray dead;
  private DeviceArray settings;
  private DeviceArray scalars;

  /** Two batches, by turns: one is worked on while the other comes. */
  private final DeviceArray[] batches = new DeviceArray[2];

  private final Pointer[] hostBatches = new Pointer[2];
  private int current;

  /** What was copied for the next step; null for nothing. */
  private FloatMatrix staged;

  private Pointer hostSettings;
  private Pointer hostScalars;

  /** By rows, for each place of the batch; null for what is to be recorded. */
  private final Map<Integer, Pointer[]> recorded = new LinkedHashMap<>();

  private long steps;

  /** A code, what it leaves over, and what that sums up to. */
  private final class Reconstructed {
    final RowCodes codes;

    /** Weighed, [n, T]. */
    final DeviceArray left;

    final DeviceArray squares;
    final DeviceArray weighedSquares;

    /** Of the columns of what is left over, for b_dec; null where it gets nothing of it. */
    final DeviceArray sums;

    Reconstructed(int chosen, boolean toBias, boolean weighed) {
      codes = new RowCodes(stream, most, chosen, width);
      left = stream.words((long) most * written);
      squares = stream.longs(most);
      weighedSquares = weighed ? stream.longs(most) : null;
      sums = toBias ? stream.longs(written) : null;
    }

    void reconstruct(int n, DeviceArray target, int stride, DeviceArray weights, String loss) {
      stream.launch(
          "residual",
          n,
          1,
          target,
          stride,
          written,
          codes.ids,
          codes.values,
          codes.counts,
          codes.most,
          decoder.values,
          weights,
          left,
          squares,
          weighedSquares);
      stream.launch("sum_of", 1, 1, squares, n, scalar(loss));
    }

    void gather(int n, String factor, boolean add) {
      stream.launch(
          "gather_gradients",
          width,
          1,
          codes.marks,
          codes.words(n),
          rows.products,
          width,
          encoderBias.values,
          left,
          written,
          rows.centred,
          columns,
          read,
          decoder.values,
          scalar(factor),
          add ? 1 : 0,
          encoder.gradient,
          decoder.gradient,
          encoderBias.gradient);
    }
  }

  /** Bytes on the device, about. */
  static long memory(TrainingSpecification of, TrainingSize size) {
    long copies = of.optimiser().averageDecay() > 0 ? 5 : 4;
    int batch = size.maximumBatch();
    // A transcoder's rows have what it reads beside what it writes.
    int inputs = size.read() + size.reconstructed();
    long bytes =
        4L * copies * of.width() * (size.read() + (long) size.reconstructed() + 1)
            + RowsOnDevice.memory(inputs, size.read(), of.width(), batch)
            + 4L * batch * inputs;
    if (CodeParts.needed(of.type(), of.width())) {
      bytes += CodeParts.memory(of, size, (int) copies);
    }
    List<Integer> chosen = new ArrayList<>(List.of(chosen(of.type().selection(), of.width())));
    of.type().furtherCode().ifPresent(code -> chosen.add(code.k()));
    if (of.auxiliaryK() > 0) {
      chosen.add(of.auxiliaryK());
    }
    for (int k : chosen) {
      bytes += RowCodes.memory(batch, k, of.width()) + 4L * batch * size.reconstructed();
    }
    return bytes + (40L << 20);
  }

  /** Latents of a row to have room for. */
  private static int chosen(Selection selection, int width) {
    return selection instanceof LargestOfRow largest ? largest.most() : width;
  }

  CudaTraining(
      CudaDevice device, TrainingSpecification specification, Dictionary initial, int most) {
    CodeParts.lacking(specification.type(), initial)
        .ifPresent(
            words -> {
              throw Failure.settings("kernel cuda lacks %s", words);
            });
    this.specification = specification;
    this.initial = initial;
    this.most = most;
    selection = specification.type().selection();
    ofBatch = selection instanceof LargestOfBatch batch ? batch : null;
    further = specification.type().furtherCode();
    optimiser = specification.optimiser();
    unit = specification.unitDecoder(initial);
    columns = initial.inputs();
    read = initial.readColumns();
    written = initial.reconstructedColumns();
    width = initial.width();
    device.use();
    long needed =
        memory(
            specification,
            new TrainingSize(read, written, initial.reconstructedSources().size(), most, 1));
    if (needed > device.free()) {
      throw Failure.resources(
          "a dictionary of width %,d over %,d columns takes %,d bytes of a GPU in batches of %,d, and %,d of %s are free: take a smaller batch or width, or a GPU that nobody else uses",
          width, columns, needed, most, device.free(), device.name());
    }
    stream = new CudaStream(device);
    try {
      allocate();
    } catch (RuntimeException e) {
      stream.close();
      throw e;
    }
  }

  private void allocate() {
    encoder =
        new CudaParameter(
            stream, "encoder", Transposition.of(initial.encoder().firstRows(read)), optimiser);
    encoderBias = new CudaParameter(stream, "encoder_bias", initial.encoderBias(), optimiser);
    decoder =
        new CudaParameter(
            stream,
            "decoder",
            initial.decoder().columns(columns - written, written).values(),
            optimiser);
    decoderBias = new CudaParameter(stream, "decoder_bias", initial.decoderBias(), optimiser);
    rows = new RowsOnDevice(stream, initial, columns, most);
    rows.round(encoder.values);
    main = new Reconstructed(chosen(selection, width), true, true);
    int[] ends = sourceEnds();
    sourceEnds = stream.words(ends.length);
    stream.upload(ends, ends.length, sourceEnds);
    if (ofBatch != null) {
      choice = new BatchChoiceOnDevice(stream, most);
      norms = unit ? null : stream.words(width);
    }
    if (CodeParts.needed(specification.type(), width)) {
      parts = new CodeParts(stream, specification, initial, sourceEnds, this::scalar, most);
    }
    more = further.map(code -> new Reconstructed(code.k(), true, false)).orElse(null);
    auxiliary =
        specification.auxiliaryK() > 0
            ? new Reconstructed(specification.auxiliaryK(), false, false)
            : null;
    weights = specification.sourceWeights().isEmpty() ? null : stream.of(columnWeights());
    sums = stream.longs(written);
    squares = stream.longs(written);
    through = initial.target() == Target.AUTOENCODER ? stream.longs((long) SHARES * read) : null;
    ofLatents = stream.longs(width);
    firings = stream.longs(width);
    deaths = stream.longs(width);
    silent = stream.longs(width);
    dead = stream.bytes(width);
    settings = stream.words(SETTINGS);
    scalars = stream.longs(SCALARS.size());
    for (DeviceArray array : new DeviceArray[] {silent, dead, scalars}) {
      stream.clear(array);
    }
    batches[0] = rows.batch;
    batches[1] = stream.words((long) most * columns);
    for (int i = 0; i < batches.length; i++) {
      hostBatches[i] = stream.host(4L * most * columns);
    }
    hostSettings = stream.host(4L * SETTINGS);
    hostScalars = stream.host(8L * SCALARS.size());
  }

  /** The weight of each column's source, [T]. */
  private float[] columnWeights() {
    float[] all = new float[written];
    int at = 0;
    List<Source> sources = initial.reconstructedSources();
    for (int s = 0; s < sources.size(); s++) {
      int end = at + sources.get(s).width();
      Arrays.fill(all, at, end, specification.sourceWeights().get(s).floatValue());
      at = end;
    }
    return all;
  }

  /** Where the columns of each source that is reconstructed end, among those. */
  private int[] sourceEnds() {
    int[] ends = initial.reconstructedSources().stream().mapToInt(Source::width).toArray();
    Arrays.parallelPrefix(ends, Integer::sum);
    return ends;
  }

  private DeviceArray scalar(String name) {
    return scalars.from(8L * SCALARS.indexOf(name));
  }

  private double told(String name) {
    return hostScalars.getDouble(8L * SCALARS.indexOf(name));
  }

  @Override
  public StepLosses step(FloatMatrix batch, StepSettings now) {
    return step(batch, now, null);
  }

  @Override
  public StepLosses step(FloatMatrix batch, StepSettings now, FloatMatrix next) {
    StepLosses losses = run(batch, now, true, next);
    if (Double.isNaN(told("CLIP"))) {
      return new StepLosses(
          Double.NaN, losses.fvu(), losses.l0(), losses.deadShare(), losses.auxiliary());
    }
    steps++;
    resample(batch.rows());
    return losses;
  }

  /** Losses; leaves the gradients, the decoder's without their parallel part, in the parameters. */
  public StepLosses gradients(FloatMatrix batch, StepSettings now) {
    return run(batch, now, false, null);
  }

  private StepLosses run(FloatMatrix batch, StepSettings now, boolean update, FloatMatrix next) {
    int n = batch.rows();
    if (n < 2 || n > most || batch.columns() != columns) {
      throw new IllegalArgumentException(
          "a batch of " + batch + ", expected are 2 to " + most + " rows of " + columns);
    }
    stream.use();
    if (staged != null && batch.values() == staged.values() && n == staged.rows()) {
      current = 1 - current;
      stream.awaitCopy();
    } else {
      hostBatches[current].write(0, batch.values(), 0, n * columns);
      stream.upload(hostBatches[current], batches[current], 4L * n * columns);
    }
    staged = null;
    AdamStep adam = AdamStep.of(optimiser, now.learningRate(), steps + 1);
    hostSettings.write(
        0,
        new float[] {
          k(now),
          adam.firstDecay(),
          adam.secondDecay(),
          adam.epsilon(),
          adam.rate(),
          adam.root(),
          (float) (1 - now.learningRate() * optimiser.weightDecay()),
          optimiser.averageDecay(steps + 1),
          ofBatch == null
              ? 0
              : (float) Math.min(ofBatch.thresholdDecay(), (double) steps / (steps + 1)),
          (float) now.sparsity()
        },
        0,
        SETTINGS);
    if (!update || !recorded.containsKey(n)) {
      enqueue(n, update);
      if (update) {
        recorded.put(n, new Pointer[2]);
      }
    } else {
      Pointer[] graphs = recorded.get(n);
      if (graphs[current] == null) {
        graphs[current] = stream.record(() -> enqueue(n, true));
      }
      stream.replay(graphs[current]);
    }
    if (next != null) {
      stage(next);
    }
    stream.await();
    return losses(n);
  }

  /** Copies what the next step gets, while this one is computed. */
  private void stage(FloatMatrix next) {
    int n = next.rows();
    if (n <= most && next.columns() == columns) {
      // The step that had this place is over.
      hostBatches[1 - current].write(0, next.values(), 0, n * columns);
      stream.uploadBeside(hostBatches[1 - current], batches[1 - current], 4L * n * columns);
      staged = next;
    }
  }

  /** Latents of a row; 0 where none says how many. */
  private int k(StepSettings now) {
    if (selection instanceof LargestOfRow row) {
      return now.k(row.k(), row.initialK());
    }
    return ofBatch == null ? 0 : now.k(ofBatch.k(), ofBatch.initialK());
  }

  /** Lets dead latents start again where so many tokens have gone by. */
  private void resample(int n) {
    long tokens = specification.type().resampledAfter();
    if (tokens == 0 || steps * n / tokens == (steps - 1) * n / tokens) {
      return;
    }
    DeadLatents latents = deadLatents();
    if (new CudaResampling(stream, encoder, encoderBias, decoder, columns, read, written, width)
        .after(latents, rows.centred, stream.doubles(main.weighedSquares, n))) {
      rows.round(encoder.values);
      assign(latents);
    }
  }

  private StepLosses losses(int n) {
    double variance = told("VARIANCE");
    double fvu = told("LOSS_MAIN") / variance;
    double loss = fvu;
    if (parts != null) {
      loss = parts.byPrefixes() ? told("LOSS_PREFIXES") / variance : fvu;
      loss += told("LOSS_COUNT") + told("LOSS_PENALTY");
    }
    if (further.isPresent()) {
      loss += further.get().weight() * told("LOSS_FURTHER") / variance;
    }
    double auxiliaryLoss = 0;
    if (auxiliary != null && told("DEAD_BEFORE") > 0 && told("TARGET") > 0) {
      auxiliaryLoss = told("LOSS_AUXILIARY") / told("TARGET");
      loss +=
          specification.auxiliaryCoefficient()
              * Math.min(1, told("DEAD_BEFORE") / specification.auxiliaryK())
              * auxiliaryLoss;
    }
    return new StepLosses(loss, fvu, told("FIRED") / n, told("DEAD") / width, auxiliaryLoss);
  }

  /** All of a step for so many rows of the current batch, but its copying. */
  private void enqueue(int n, boolean update) {
    stream.upload(hostSettings, settings, 4L * SETTINGS);
    rows.multiply(n, batches[current], decoderBias.values);
    DeviceArray target = rows.centred.from(4L * (columns - written));
    int tiles = (written + COLUMNS - 1) / COLUMNS;
    stream.launch("column_sums", tiles, 1, target, columns, written, n, sums, squares);
    stream.launch("variance", 1, 1, sums, squares, weights, written, n, scalars);

    select(n);
    reconstruct(n, target);
    stream.launch("sum_of", 1, 1, main.weighedSquares, n, scalar("TARGET"));
    if (more != null) {
      select(n, more, further.get().k(), null, null);
      more.reconstruct(n, target, columns, weights, "LOSS_FURTHER");
    }
    if (auxiliary != null) {
      select(n, auxiliary, specification.auxiliaryK(), dead, scalar("DEAD"));
      auxiliary.reconstruct(n, main.left, written, null, "LOSS_AUXILIARY");
    }
    stream.launch(
        "factors",
        1,
        1,
        further.map(FurtherCode::weight).orElse(0.0),
        auxiliary == null ? 0.0 : specification.auxiliaryCoefficient(),
        specification.auxiliaryK(),
        scalars);
    DeviceArray toBias = main.left;
    if (parts == null) {
      main.gather(n, "FACTOR_MAIN", false);
    } else {
      parts.gather(
          n,
          rows,
          main.codes,
          main.left,
          columns,
          read,
          encoder,
          encoderBias,
          decoder,
          settings,
          scalars);
      toBias = parts.upstream(main.left);
    }
    stream.launch("column_sums", tiles, 1, toBias, written, written, n, main.sums, null);
    if (more != null) {
      more.gather(n, "FACTOR_FURTHER", true);
      stream.launch("column_sums", tiles, 1, more.left, written, written, n, more.sums, null);
    }
    if (auxiliary != null) {
      auxiliary.gather(n, "FACTOR_AUXILIARY", true);
    }
    finishGradients();
    if (update) {
      update();
    }
    stream.launch(
        "advance",
        advancing(),
        1,
        main.codes.marks,
        main.codes.words(n),
        width,
        n,
        specification.deadWindow(),
        silent,
        dead,
        firings,
        deaths);
    stream.launch("sum_of", 1, 1, firings, width, scalar("FIRED"));
    stream.launch("sum_of", 1, 1, deaths, width, scalar("DEAD"));
    stream.download(scalars, hostScalars, 8L * SCALARS.size());
  }

  /** Blocks of a warp for each latent. */
  private int advancing() {
    int latents = stream.threads() / 32;
    return (width + latents - 1) / latents;
  }

  /** The code that fires. */
  private void select(int n) {
    if (parts != null) {
      parts.prepare(decoder.values);
    }
    if (ofBatch != null) {
      selectOfBatch(n);
    } else if (CodeParts.ofAnyNumber(selection)) {
      stream.clear(main.codes.marks);
      parts.select(n, rows, encoder.values, encoderBias.values, main.codes);
    } else {
      select(n, main, 0, null, null);
    }
  }

  private void reconstruct(int n, DeviceArray target) {
    if (parts == null) {
      main.reconstruct(n, target, columns, weights, "LOSS_MAIN");
      return;
    }
    parts.reconstruct(
        n,
        target,
        columns,
        main.codes,
        decoder.values,
        weights,
        main.left,
        main.squares,
        main.weighedSquares);
    stream.launch("sum_of", 1, 1, main.squares, n, scalar("LOSS_MAIN"));
  }

  private void select(int n, Reconstructed code, int k, DeviceArray eligible, DeviceArray needed) {
    stream.clear(code.codes.marks);
    rows.selectLargest(
        n, encoder.values, encoderBias.values, settings, k, eligible, needed, code.codes);
  }

  private void selectOfBatch(int n) {
    if (norms != null) {
      stream.launch(
          "decoder_norms",
          width,
          1,
          decoder.values,
          written,
          sourceEnds,
          initial.reconstructedSources().size(),
          norms);
    }
    stream.clear(main.codes.marks);
    rows.selectLargestOfBatch(
        n, encoder.values, encoderBias.values, settings, norms, choice, main.codes);
    stream.launch("running_threshold", 1, 1, choice.smallest, n, settings, scalars);
  }

  private void finishGradients() {
    if (through != null) {
      stream.launch(
          "through_encoder",
          (read + COLUMNS - 1) / COLUMNS,
          SHARES,
          encoderBias.gradient,
          encoder.values,
          width,
          read,
          through);
    }
    stream.launch(
        "decoder_bias_gradient",
        1,
        1,
        main.sums,
        more == null ? null : more.sums,
        through,
        SHARES,
        columns,
        read,
        written,
        decoderBias.gradient,
        scalars);
    stream.launch(
        "finish_gradients",
        width,
        1,
        decoder.values,
        unit ? 1 : 0,
        read,
        written,
        encoder.gradient,
        decoder.gradient,
        encoderBias.gradient,
        parts == null ? null : parts.thresholdGradient(),
        ofLatents);
    stream.launch("sum_of", 1, 1, ofLatents, width, scalar("SQUARES_LATENTS"));
    stream.launch("clip_factor", 1, 1, optimiser.gradientClip(), scalars);
  }

  private void update() {
    stream.launch(
        "adam_latents",
        width,
        1,
        settings,
        scalars,
        unit ? 1 : 0,
        read,
        written,
        encoder.values,
        encoder.gradient,
        encoder.first,
        encoder.second,
        encoder.average,
        decoder.values,
        decoder.gradient,
        decoder.first,
        decoder.second,
        decoder.average,
        encoderBias.values,
        encoderBias.gradient,
        encoderBias.first,
        encoderBias.second,
        encoderBias.average,
        rows.encoder,
        rows.stride(),
        rows.encoderLengths,
        rows.encoderLosses);
    decoderBias.update(settings, scalars, 1);
    if (parts != null) {
      parts.update(settings, scalars);
    }
  }

  /** Gradients of the last {@link #gradients}; encoder and decoder by latent. */
  public Map<String, float[]> lastGradients() {
    stream.use();
    Map<String, float[]> gradients = new LinkedHashMap<>();
    gradients.put("W_enc", encoder.gradient());
    gradients.put("b_enc", encoderBias.gradient());
    gradients.put("W_dec", decoder.gradient());
    gradients.put("b_dec", Arrays.copyOfRange(decoderBias.gradient(), columns - written, columns));
    if (learnsThresholds()) {
      gradients.put("log_threshold", parts.logThreshold.gradient());
    }
    return gradients;
  }

  @Override
  public Dictionary snapshot() {
    stream.use();
    FloatMatrix byLatent = new FloatMatrix(width, read, encoder.result());
    float[] some = decoder.result();
    float[] all = new float[Math.multiplyExact(width, columns)];
    for (int latent = 0; latent < width; latent++) {
      double square = 0;
      for (int i = latent * written; i < (latent + 1) * written; i++) {
        square += (double) some[i] * some[i];
      }
      float longer = unit && square > 0 ? (float) Math.sqrt(square) : 1;
      for (int i = 0; i < written; i++) {
        all[latent * columns + columns - written + i] = some[latent * written + i] / longer;
      }
    }
    return new Dictionary(
        initial.type(),
        initial.sources(),
        initial.target(),
        initial.k(),
        new FloatMatrix(columns, width, Arrays.copyOf(Transposition.of(byLatent), columns * width)),
        encoderBias.result(),
        new FloatMatrix(width, columns, all),
        decoderBias.result(),
        initial.inputMean(),
        initial.inputScale(),
        ofBatch == null && !learnsThresholds()
            ? Map.of()
            : Map.of(FurtherTensor.THRESHOLD.name(), threshold()));
  }

  private boolean learnsThresholds() {
    return parts != null && parts.logThreshold != null;
  }

  /**
   * What a code has to exceed: what was learnt, or the running mean of the smallest score, over the
   * decoder's norm.
   */
  private float[] threshold() {
    if (learnsThresholds()) {
      return parts.threshold();
    }
    float running = running();
    float[] threshold = new float[width];
    Arrays.fill(threshold, running);
    if (norms != null) {
      stream.launch(
          "decoder_norms",
          width,
          1,
          decoder.values,
          written,
          sourceEnds,
          initial.reconstructedSources().size(),
          norms);
      float[] lengths = stream.floats(norms, width);
      for (int latent = 0; latent < width; latent++) {
        threshold[latent] = running / lengths[latent];
      }
    }
    return threshold;
  }

  private float running() {
    stream.download(scalar("THRESHOLD"), hostScalars, 8);
    stream.await();
    return (float) hostScalars.getDouble(0);
  }

  private List<CudaParameter> parameters() {
    List<CudaParameter> all = new ArrayList<>(List.of(encoder, encoderBias, decoder, decoderBias));
    if (learnsThresholds()) {
      all.add(parts.logThreshold);
    }
    return all;
  }

  @Override
  public Map<String, float[]> state() {
    stream.use();
    Map<String, float[]> state = new LinkedHashMap<>();
    parameters().forEach(parameter -> parameter.save(state));
    state.put("steps", new float[] {steps});
    if (ofBatch != null) {
      state.put("running_threshold", new float[] {running()});
    }
    deadLatents().save(state);
    return state;
  }

  private DeadLatents deadLatents() {
    DeadLatents latents = new DeadLatents(width, specification.deadWindow());
    latents.assign(stream.longs(silent, width));
    return latents;
  }

  @Override
  public void restore(Map<String, float[]> state) {
    stream.use();
    parameters().forEach(parameter -> parameter.restore(state));
    rows.round(encoder.values);
    steps = (long) state.get("steps")[0];
    if (ofBatch != null) {
      hostScalars.setDouble(0, state.get("running_threshold")[0]);
      stream.upload(hostScalars, scalar("THRESHOLD"), 8);
      stream.await();
    }
    DeadLatents latents = new DeadLatents(width, specification.deadWindow());
    latents.restore(state);
    assign(latents);
  }

  /** Takes over for how long latents have been silent. */
  private void assign(DeadLatents latents) {
    stream.upload(latents.silent(), silent);
    // No rows went by: tells which are dead, and how many.
    stream.launch(
        "advance",
        advancing(),
        1,
        main.codes.marks,
        0,
        width,
        0,
        specification.deadWindow(),
        silent,
        dead,
        firings,
        deaths);
    stream.launch("sum_of", 1, 1, deaths, width, scalar("DEAD"));
    stream.await();
  }

  @Override
  public void close() {
    stream.close();
  }
}
