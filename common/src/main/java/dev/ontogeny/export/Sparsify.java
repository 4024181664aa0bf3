package dev.ontogeny.export;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Safetensors.Tensor;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Json;
import dev.ontogeny.type.Activation;
import dev.ontogeny.type.Target;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * sparsify of EleutherAI: {@code sae.safetensors} and {@code cfg.json}. It has TopK alone, and its
 * transcoders write as many columns as they read.
 */
final class Sparsify implements PeerFormat {
  private static final String TENSORS = "sae.safetensors";
  private static final String CONFIG = "cfg.json";
  private static final String TOP_K = "topk";

  /** Those that say nothing of what a trained one does are known as well. */
  private static final Set<String> KEYS =
      Set.of(
          "activation",
          "expansion_factor",
          "normalize_decoder",
          "num_latents",
          "k",
          "multi_topk",
          "skip_connection",
          "embed_skip",
          "gram_lookup",
          "lookup_max_order",
          "gram_table_hash",
          "transcode",
          "d_in",
          "hook_name",
          "hook_name_out",
          "checkpoint",
          "replica",
          "ontogeny_id");

  @Override
  public String key() {
    return "sparsify";
  }

  @Override
  public String summary() {
    return "sparsify, sae.safetensors and cfg.json: TopK, also as a transcoder between sites of one width.";
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
      return Rules.refusesCrosscoder("sparsify", dictionary);
    }
    if (dictionary.type().activation() != Activation.LARGEST_OF_ROW) {
      return Rules.refusesType("sparsify", dictionary, "TopK alone");
    }
    List<Source> sources = dictionary.sources();
    return sources.get(0).width() != sources.get(sources.size() - 1).width()
        ? String.format(
            Locale.ROOT,
            "sparsify has transcoders between sites of one width, and %s reads %d columns and writes %d",
            dictionary.id(),
            sources.get(0).width(),
            sources.get(1).width())
        : null;
  }

  @Override
  public List<PublishedFile> write(Folder folder, String path, Dictionary dictionary, Origin origin)
      throws IOException {
    boolean transcoder = dictionary.target() == Target.TRANSCODER;
    PlainDictionary plain = PlainDictionary.folded(dictionary);
    if (transcoder) {
      plain = plain.absorbed();
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("W_dec", PeerFiles.tensor(plain.decoder()));
    tensors.put("b_dec", Tensor.vector(plain.decoderBias()));
    tensors.put("encoder.bias", Tensor.vector(plain.encoderBias()));
    tensors.put("encoder.weight", PeerFiles.tensor(Turned.of(plain.encoder())));
    ObjectNode config = Json.object();
    config.put("activation", TOP_K);
    config.put("num_latents", plain.width());
    config.put("expansion_factor", Math.max(1, plain.width() / plain.read()));
    config.put("k", plain.k());
    // Rows of W_dec have the length that unscaling left them.
    config.put("normalize_decoder", false);
    config.put("multi_topk", false);
    config.put("skip_connection", false);
    config.put("transcode", transcoder);
    config.put("d_in", plain.read());
    config.put("hook_name", origin.site());
    if (transcoder) {
      config.put("hook_name_out", origin.writtenSite());
    }
    config.put("checkpoint", origin.checkpoint());
    config.put("replica", origin.replica());
    config.put("ontogeny_id", origin.id());
    return List.of(
        PeerFiles.safetensors(folder, path + "/" + TENSORS, tensors),
        PeerFiles.json(folder, path + "/" + CONFIG, config));
  }

  @Override
  public Imported read(Folder folder) throws IOException {
    PeerConfig config = PeerConfig.read(folder, CONFIG);
    config.onlyKeys(KEYS);
    config.oneOf("activation", List.of(TOP_K), TOP_K);
    for (String part : List.of("skip_connection", "embed_skip", "gram_lookup")) {
      if (config.flag(part, false)) {
        throw config.wrong(part, "false: no dictionary here has one");
      }
    }
    int inputs = config.size("d_in");
    PeerTensors tensors = PeerTensors.ofSafetensors(folder, TENSORS);
    Long said = config.whole("num_latents");
    // 0 leaves it to the expansion factor.
    long wide =
        said == null || said == 0
            ? (long) inputs * config.size("expansion_factor")
            : config.size("num_latents");
    if (wide > Integer.MAX_VALUE) {
      throw config.wrong("expansion_factor", "smaller: there would be " + wide + " latents");
    }
    int width = (int) wide;
    int k = config.size("k");
    if (k > width) {
      throw config.wrong("k", "at most num_latents = " + width);
    }
    boolean transcoder = config.flag("transcode", false);
    FloatMatrix encoder = Turned.of(tensors.matrix("encoder.weight", width, inputs));
    float[] encoderBias = tensors.vector("encoder.bias", width);
    FloatMatrix decoder = tensors.matrix("W_dec", width, inputs);
    float[] decoderBias = tensors.vector("b_dec", inputs);
    tensors.nothingElse(transcoder ? "a transcoder without skip connection" : "an SAE");
    return Imported.of(
        new PlainDictionary(
            Rules.LARGEST_OF_ROW,
            transcoder ? Target.TRANSCODER : Target.AUTOENCODER,
            k,
            List.of(inputs),
            encoder,
            transcoder ? new float[inputs] : decoderBias.clone(),
            encoderBias,
            decoder,
            decoderBias,
            new float[0]),
        config.text("hook_name"),
        config.text("hook_name_out"),
        config.whole("checkpoint"),
        config.whole("replica"));
  }
}
