package dev.ontogeny.export;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Safetensors.Tensor;
import dev.ontogeny.export.TorchArchive.Stored;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.Target;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * dictionary_learning of saprmarks: {@code ae.pt}, a state dictionary of PyTorch, and {@code
 * config.json}. What the class of an ae.pt is decides how its layers are turned, and whether inputs
 * are centred by what is added to outputs: those of JumpReLU are not.
 */
final class DictionaryLearning implements PeerFormat {
  private static final String TENSORS = "ae.pt";
  private static final String CONFIG = "config.json";

  private static final String RELU = "AutoEncoder";
  private static final String RELU_UNTIED = "AutoEncoderNew";
  private static final String TOP_K = "AutoEncoderTopK";
  private static final String BATCH_TOP_K = "BatchTopKSAE";
  private static final String MATRYOSHKA = "MatryoshkaBatchTopKSAE";
  private static final String JUMP_RELU = "JumpReluAutoEncoder";

  /** What their loader takes for one. */
  private static final double UNIT = 1e-5;

  private static final String THRESHOLD = "threshold";
  private static final String ENCODER = "encoder.weight";
  private static final String ENCODER_BIAS = "encoder.bias";
  private static final String DECODER = "decoder.weight";
  private static final String DECODER_BIAS = "b_dec";

  @Override
  public String key() {
    return "dictionary-learning";
  }

  @Override
  public String summary() {
    return "dictionary_learning, ae.pt and config.json: AutoEncoder, AutoEncoderTopK, BatchTopKSAE where all latents share a threshold, else JumpReluAutoEncoder.";
  }

  @Override
  public String tensorFile() {
    return TENSORS;
  }

  @Override
  public String configFile() {
    return CONFIG;
  }

  @Override
  public String refusal(DictionaryMetadata dictionary) {
    if (dictionary.crosscoder()) {
      return Rules.refusesCrosscoder("dictionary_learning", dictionary);
    }
    return Rules.refusesTranscoder("dictionary_learning", dictionary);
  }

  @Override
  public List<PublishedFile> write(Folder folder, String path, Dictionary dictionary, Origin origin)
      throws IOException {
    Rules.requirePeersThresholds("dictionary_learning", origin, dictionary.threshold());
    PlainDictionary folded = PlainDictionary.folded(dictionary);
    String made = madeAs(folded);
    PlainDictionary plain = made.equals(RELU) ? ofUnitRows(folded, origin) : folded;
    Map<String, Stored> tensors = new LinkedHashMap<>();
    if (made.equals(JUMP_RELU)) {
      PlainDictionary absorbed = plain.absorbed();
      tensors.put("W_enc", Stored.of(PeerFiles.tensor(absorbed.encoder())));
      tensors.put("b_enc", vector(absorbed.encoderBias()));
      tensors.put("W_dec", Stored.of(PeerFiles.tensor(absorbed.decoder())));
      tensors.put(DECODER_BIAS, vector(absorbed.decoderBias()));
      tensors.put(THRESHOLD, vector(absorbed.threshold()));
    } else {
      tensors.put(made.equals(RELU) ? "bias" : DECODER_BIAS, vector(plain.decoderBias()));
      if (!made.equals(RELU)) {
        tensors.put("k", Stored.whole(plain.k()));
        // Of a TopK it is what they would take for a threshold, -1 for none.
        tensors.put(THRESHOLD, Stored.scalar(made.equals(BATCH_TOP_K) ? plain.threshold()[0] : -1));
      }
      tensors.put(ENCODER, Stored.of(PeerFiles.tensor(Turned.of(plain.encoder()))));
      tensors.put(ENCODER_BIAS, vector(plain.encoderBias()));
      tensors.put(DECODER, Stored.of(PeerFiles.tensor(Turned.of(plain.decoder()))));
    }
    PublishedFile weights =
        folder.write(
            path + "/" + TENSORS,
            null,
            out -> {
              OutputStream buffered = new BufferedOutputStream(out, 1 << 20);
              TorchArchive.write("ae", tensors, buffered);
              buffered.flush();
            });
    return List.of(
        weights, PeerFiles.json(folder, path + "/" + CONFIG, config(made, plain, origin)));
  }

  private static Stored vector(float[] values) {
    return Stored.of(Tensor.vector(values));
  }

  /** The class that says its rule. */
  private static String madeAs(PlainDictionary dictionary) {
    return switch (dictionary.type().activation()) {
      case POSITIVE -> RELU;
      case LARGEST_OF_ROW -> TOP_K;
      case ABOVE_THRESHOLD ->
          dictionary.k() > 0 && isOne(dictionary.threshold()) ? BATCH_TOP_K : JUMP_RELU;
      case ABOVE_THRESHOLD_BY_SOURCE ->
          throw new IllegalArgumentException(dictionary.type() + " was to be refused");
    };
  }

  private static boolean isOne(float[] values) {
    for (float each : values) {
      if (each != values[0]) {
        return false;
      }
    }
    return true;
  }

  /**
   * With decoder rows of unit norm, for the loader of that class makes them so and codes that much
   * larger: what it does to rows that are so already is nothing.
   */
  private static PlainDictionary ofUnitRows(PlainDictionary dictionary, Origin origin) {
    boolean unit = true;
    for (int latent = 0; latent < dictionary.width(); latent++) {
      double norm = dictionary.decoder().norm(latent);
      unit &= Math.abs(norm - 1) < UNIT;
      if (norm == 0) {
        throw Failure.data(
            "%s of dictionary_learning divides by the norm of each decoder row when it is loaded, and row %d of %s is zero",
            RELU, latent, origin.id());
      }
    }
    return unit ? dictionary : dictionary.ofUnitRows();
  }

  private static ObjectNode config(String made, PlainDictionary dictionary, Origin origin) {
    ObjectNode config = Json.object();
    ObjectNode trainer = config.putObject("trainer");
    trainer.put("dict_class", made);
    trainer.put("trainer_class", (String) null);
    trainer.put("activation_dim", dictionary.read());
    trainer.put("dict_size", dictionary.width());
    if (dictionary.k() > 0) {
      trainer.put("k", dictionary.k());
    }
    trainer.put("layer", origin.layer());
    trainer.put("lm_name", origin.model());
    trainer.put("submodule_name", origin.site());
    trainer.put("checkpoint", origin.checkpoint());
    trainer.put("replica", origin.replica());
    trainer.put("ontogeny_id", origin.id());
    // Their other readers look for it.
    config.putObject("buffer").put("ctx_len", (Integer) null);
    return config;
  }

  @Override
  public Imported read(Folder folder) throws IOException {
    PeerConfig config = PeerConfig.read(folder, CONFIG);
    PeerConfig trainer = config.within("trainer");
    String made =
        trainer.oneOf(
            "dict_class",
            List.of(RELU, RELU_UNTIED, TOP_K, BATCH_TOP_K, MATRYOSHKA, JUMP_RELU),
            null);
    PeerTensors tensors = TorchFile.read(folder, TENSORS);
    PlainDictionary dictionary =
        switch (made) {
          case JUMP_RELU -> jumpRelu(tensors);
          case MATRYOSHKA -> matryoshka(tensors, trainer);
          case RELU_UNTIED -> untied(tensors);
          default -> tied(made, tensors, trainer);
        };
    tensors.nothingElse(made);
    requireSize(trainer, "activation_dim", dictionary.read());
    requireSize(trainer, "dict_size", dictionary.width());
    return Imported.of(
        dictionary,
        trainer.text("submodule_name"),
        null,
        trainer.whole("checkpoint"),
        trainer.whole("replica"));
  }

  private static void requireSize(PeerConfig trainer, String key, int found) {
    if (trainer.has(key) && trainer.size(key) != found) {
      throw trainer.wrong(key, found + ", as " + TENSORS + " has it");
    }
  }

  /** Layers of PyTorch, and one bias for both sides. */
  private static PlainDictionary tied(String made, PeerTensors tensors, PeerConfig trainer) {
    int width = tensors.axis(ENCODER, 0, 2);
    int inputs = tensors.axis(ENCODER, 1, 2);
    float[] bias = tensors.vector(made.equals(RELU) ? "bias" : DECODER_BIAS, inputs);
    DictionaryType type =
        switch (made) {
          case RELU -> Rules.POSITIVE;
          case TOP_K -> Rules.LARGEST_OF_ROW;
          default -> Rules.OF_BATCH;
        };
    int k = 0;
    float[] threshold = new float[0];
    if (!made.equals(RELU)) {
      k = k(tensors, trainer, width);
      if (type.equals(Rules.OF_BATCH)) {
        threshold = shared(tensors, trainer, width);
      } else {
        // Nothing that their TopK compares with unless it is asked to.
        tensors.pass(THRESHOLD);
      }
    }
    return new PlainDictionary(
        type,
        Target.AUTOENCODER,
        k,
        List.of(inputs),
        Turned.of(tensors.matrix(ENCODER, width, inputs)),
        bias.clone(),
        tensors.vector(ENCODER_BIAS, width),
        Turned.of(tensors.matrix(DECODER, inputs, width)),
        bias,
        threshold);
  }

  /** Inputs are not centred. */
  private static PlainDictionary untied(PeerTensors tensors) {
    int width = tensors.axis(ENCODER, 0, 2);
    int inputs = tensors.axis(ENCODER, 1, 2);
    return new PlainDictionary(
        Rules.POSITIVE,
        Target.AUTOENCODER,
        0,
        List.of(inputs),
        Turned.of(tensors.matrix(ENCODER, width, inputs)),
        new float[inputs],
        tensors.vector(ENCODER_BIAS, width),
        Turned.of(tensors.matrix(DECODER, inputs, width)),
        tensors.vector("decoder.bias", inputs),
        new float[0]);
  }

  /** What all groups of latents together reconstruct is what its decoder gives. */
  private static PlainDictionary matryoshka(PeerTensors tensors, PeerConfig trainer) {
    int inputs = tensors.axis("W_enc", 0, 2);
    int width = tensors.axis("W_enc", 1, 2);
    tensors.pass("group_sizes");
    float[] bias = tensors.vector(DECODER_BIAS, inputs);
    return new PlainDictionary(
        Rules.OF_BATCH,
        Target.AUTOENCODER,
        k(tensors, trainer, width),
        List.of(inputs),
        tensors.matrix("W_enc", inputs, width),
        bias.clone(),
        tensors.vector("b_enc", width),
        tensors.matrix("W_dec", width, inputs),
        bias,
        shared(tensors, trainer, width));
  }

  /** Inputs are not centred. */
  private static PlainDictionary jumpRelu(PeerTensors tensors) {
    int inputs = tensors.axis("W_enc", 0, 2);
    int width = tensors.axis("W_enc", 1, 2);
    FloatMatrix encoder = tensors.matrix("W_enc", inputs, width);
    return new PlainDictionary(
        Rules.ABOVE_THRESHOLD,
        Target.AUTOENCODER,
        0,
        List.of(inputs),
        encoder,
        new float[inputs],
        tensors.vector("b_enc", width),
        tensors.matrix("W_dec", width, inputs),
        tensors.vector(DECODER_BIAS, inputs),
        Rules.ourThresholds(tensors.bars(THRESHOLD, width)));
  }

  private static int k(PeerTensors tensors, PeerConfig trainer, int width) {
    int k = trainer.size("k");
    if (tensors.has("k") && tensors.scalar("k") != k) {
      throw trainer.wrong("k", "that of " + TENSORS + ", which is " + tensors.scalar("k"));
    }
    if (k > width) {
      throw trainer.wrong("k", "at most the number of latents, " + width);
    }
    return k;
  }

  private static float[] shared(PeerTensors tensors, PeerConfig trainer, int width) {
    float one = tensors.scalar(THRESHOLD);
    if (one < 0) {
      throw Failure.data(
          "%s: threshold of its %s is %s: it was never estimated, and without one a code depends on the other rows of its batch; train it for more than threshold_start_step steps",
          trainer.origin(), TENSORS, one);
    }
    float[] all = new float[width];
    Arrays.fill(all, one);
    return all;
  }
}
