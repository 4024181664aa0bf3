package dev.ontogeny.export;

import com.fasterxml.jackson.databind.node.ArrayNode;
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
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.DictionaryTypes;
import dev.ontogeny.type.FurtherTensor;
import dev.ontogeny.type.Target;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Tensors for code of one's own: {@code weights.safetensors} and {@code config.json}, read with
 * nothing but a safetensors library. Of one source the tensors are those of most libraries; of a
 * crosscoder of L sources of one width they are W_enc [L, d, F], W_dec [F, L, d], b_enc [F] and
 * b_dec [L, d], as most repositories of crosscoders have them.
 */
final class PlainSafetensors implements PeerFormat {
  private static final String TENSORS = "weights.safetensors";
  private static final String CONFIG = "config.json";
  private static final String FORMAT = "ontogeny-plain";
  private static final String SUBTRACTS = "apply_b_dec_to_input";

  /** Of a source of a crosscoder: what its activations are multiplied by to be of one size. */
  private static final String SCALE = "input_scale";

  private static final Set<String> KEYS =
      Set.of(
          "format", "type", "target", "k", "rule", SUBTRACTS, "sources", "replica", "ontogeny_id");

  @Override
  public String key() {
    return "safetensors";
  }

  @Override
  public String summary() {
    return "plain tensors, weights.safetensors and config.json: every type but jump-relu-per-source, transcoders, and crosscoders over sources of one width.";
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
    if (dictionary.type().activation().bySource()) {
      return Rules.refusesType("safetensors", dictionary, "rules that all sources share");
    }
    List<Integer> widths =
        dictionary.reconstructedSources().stream().map(Source::width).distinct().toList();
    return dictionary.crosscoder() && widths.size() > 1
        ? String.format(
            Locale.ROOT,
            "safetensors stacks the sources of a crosscoder, and those of %s have the widths %s: set crosscoders = slices for a dictionary of each source alone",
            dictionary.id(),
            widths)
        : null;
  }

  @Override
  public List<PublishedFile> write(Folder folder, String path, Dictionary dictionary, Origin origin)
      throws IOException {
    PlainDictionary plain = PlainDictionary.folded(dictionary);
    int sources = plain.widths().size();
    boolean subtracts = plain.target() == Target.AUTOENCODER && sources == 1;
    if (!subtracts) {
      plain = plain.absorbed();
    }
    int each = plain.widths().get(0);
    int width = plain.width();
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    if (sources == 1) {
      tensors.put("W_enc", PeerFiles.tensor(plain.encoder()));
      tensors.put("W_dec", PeerFiles.tensor(plain.decoder()));
      tensors.put("b_dec", Tensor.vector(plain.decoderBias()));
    } else {
      // Rows, and columns, of the sources stand one after the other: stacked they are as they are.
      tensors.put("W_enc", new Tensor(new int[] {sources, each, width}, plain.encoder().values()));
      tensors.put("W_dec", new Tensor(new int[] {width, sources, each}, plain.decoder().values()));
      tensors.put("b_dec", new Tensor(new int[] {sources, each}, plain.decoderBias()));
    }
    tensors.put("b_enc", Tensor.vector(plain.encoderBias()));
    if (plain.threshold().length > 0) {
      tensors.put(FurtherTensor.THRESHOLD.name(), Tensor.vector(plain.threshold()));
    }
    ObjectNode config = Json.object();
    config.put("format", FORMAT);
    config.put("type", plain.type().key());
    config.put("target", plain.target().key());
    config.put("k", plain.k());
    config.put(
        "rule",
        String.format(
            Locale.ROOT,
            "pre = %s W_enc + b_enc%s; code = %s; reconstruction = code W_dec + b_dec",
            subtracts ? "(x - b_dec)" : "x",
            sources > 1 ? ", summed over sources" : "",
            plain.type().activation().code()));
    config.put(SUBTRACTS, subtracts);
    ArrayNode read = config.putArray("sources");
    for (int s = 0; s < origin.sources().size(); s++) {
      Source source = origin.sources().get(s);
      ObjectNode node = read.addObject();
      node.put("site", source.site());
      node.put("checkpoint", source.checkpoint());
      node.put("width", source.width());
      if (sources > 1) {
        // Decoder norms times it can be compared between sources.
        node.put(SCALE, dictionary.inputScale()[s]);
      }
    }
    config.put("replica", origin.replica());
    config.put("ontogeny_id", origin.id());
    return List.of(
        PeerFiles.safetensors(folder, path + "/" + TENSORS, tensors),
        PeerFiles.json(folder, path + "/" + CONFIG, config));
  }

  @Override
  public Imported read(Folder folder) throws IOException {
    PeerConfig config = PeerConfig.read(folder, CONFIG);
    config.oneOf("format", List.of(FORMAT), null);
    config.onlyKeys(KEYS);
    DictionaryType type = type(config);
    boolean transcoder =
        config
            .oneOf(
                "target",
                List.of(Target.AUTOENCODER.key(), Target.TRANSCODER.key()),
                Target.AUTOENCODER.key())
            .equals(Target.TRANSCODER.key());
    List<PeerConfig> sources = config.objects("sources");
    int stacked = transcoder ? 1 : Math.max(1, sources.size());
    PeerTensors tensors = PeerTensors.ofSafetensors(folder, TENSORS);
    int width = tensors.axis("b_enc", 0, 1);
    int each = tensors.axis("W_enc", stacked == 1 ? 0 : 1, stacked == 1 ? 2 : 3);
    int inputs = stacked * each;
    int outputs = transcoder ? tensors.axis("W_dec", 1, 2) : inputs;
    boolean one = stacked == 1;
    float[] encoder =
        one ? tensors.values("W_enc", each, width) : tensors.values("W_enc", stacked, each, width);
    float[] decoder =
        one
            ? tensors.values("W_dec", width, outputs)
            : tensors.values("W_dec", width, stacked, each);
    float[] decoderBias =
        one ? tensors.vector("b_dec", outputs) : tensors.values("b_dec", stacked, each);
    float[] encoderBias = tensors.vector("b_enc", width);
    float[] threshold =
        Rules.comparesWithThreshold(type)
            ? tensors.bars(FurtherTensor.THRESHOLD.name(), width)
            : new float[0];
    tensors.nothingElse("a dictionary of type " + type);
    Long k = config.whole("k");
    if (type.activation() == Activation.LARGEST_OF_ROW && (k == null || k < 1 || k > width)) {
      throw config.wrong("k", "between 1 and the number of latents, " + width);
    }
    boolean subtracts = config.flag(SUBTRACTS, false);
    if (subtracts && transcoder) {
      throw config.wrong(SUBTRACTS, "false for a transcoder");
    }
    List<Imported.Place> places = new ArrayList<>();
    float[] scale = new float[transcoder ? 2 : stacked];
    Arrays.fill(scale, 1);
    for (PeerConfig source : sources) {
      if (stacked > 1) {
        scale[places.size()] = (float) source.positive(SCALE);
      }
      places.add(new Imported.Place(source.text("site"), source.whole("checkpoint")));
    }
    while (places.size() < (transcoder ? 2 : 1)) {
      places.add(new Imported.Place(null, null));
    }
    return new Imported(
        new PlainDictionary(
            type,
            transcoder ? Target.TRANSCODER : Target.AUTOENCODER,
            k == null ? 0 : (int) Math.min(Math.max(k, 0), width),
            Collections.nCopies(stacked, each),
            new FloatMatrix(inputs, width, encoder),
            subtracts ? decoderBias.clone() : new float[inputs],
            encoderBias,
            new FloatMatrix(width, outputs, decoder),
            decoderBias,
            threshold),
        places,
        scale,
        /* scaled= */ false,
        config.whole("replica"));
  }

  private static DictionaryType type(PeerConfig config) {
    DictionaryType type;
    try {
      type = DictionaryTypes.of(String.valueOf(config.text("type")));
    } catch (IllegalArgumentException e) {
      throw config.wrong("type", "a type that is known here: " + e.getMessage());
    }
    if (type.activation().bySource()) {
      throw config.wrong("type", "one whose rule all sources share");
    }
    return type;
  }
}
