package dev.ontogeny.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.type.Activation;
import dev.ontogeny.type.DictionaryTypes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What is written in a format and read again. */
class RoundTripTest {
  private static final int ROWS = 40;

  @TempDir private Path folder;

  /** Every format and dictionary that it says it can say. */
  static List<Arguments> sayable() {
    List<Arguments> all = new ArrayList<>();
    for (PeerFormat format : PeerFormats.all()) {
      for (Dictionary each : dictionaries(true)) {
        if (format.refusal(PeerFixture.metadata(each)) == null) {
          all.add(Arguments.of(format.key(), told(each), each));
        }
      }
    }
    return all;
  }

  private static List<Dictionary> dictionaries(boolean centred) {
    List<Dictionary> all = new ArrayList<>();
    for (var type : DictionaryTypes.all()) {
      if (type.activation().bySource()) {
        continue;
      }
      all.add(PeerFixture.dictionary(type.key(), centred));
      all.add(PeerFixture.transcoder(type.key(), centred, 7));
      all.add(PeerFixture.transcoder(type.key(), centred, 5));
      all.add(
          PeerFixture.over(
              type.key(),
              centred,
              new Source(PeerFixture.SITE, 0, 4),
              new Source(PeerFixture.SITE, 1000, 4)));
    }
    return all;
  }

  private static String told(Dictionary dictionary) {
    return dictionary.type() + " " + dictionary.target() + " " + dictionary.sources();
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("sayable")
  void codesAndReconstructionsAreThoseOfTheDictionary(
      String key, String told, Dictionary dictionary) throws IOException {
    Imported read = through(key, dictionary);
    PlainDictionary plain = read.dictionary();
    Dictionary ours = read.dictionary(dictionary.sources());
    boolean positive = dictionary.type().activation() == Activation.POSITIVE;
    for (double[] row : PeerFixture.inputs(dictionary, ROWS)) {
      double[] code = PeerFixture.code(dictionary, row);
      double[] reconstruction = PeerFixture.reconstruction(dictionary, code);
      if (key.equals("dictionary-learning") && positive) {
        code = timesNorms(code, dictionary);
      }
      // Where inputs are scaled, it is the dictionary of ours alone that reads them as captured.
      if (!read.scaled() || dictionary.sources().size() == 1) {
        double[] peers = PeerFixture.code(plain, row);
        assertThat(peers).containsExactly(code, within(3e-5));
        assertThat(PeerFixture.reconstruction(plain, peers))
            .containsExactly(reconstruction, within(3e-4));
      }
      double[] again = PeerFixture.code(ours, row);
      assertThat(again).containsExactly(code, within(3e-5));
      assertThat(PeerFixture.reconstruction(ours, again))
          .containsExactly(reconstruction, within(3e-4));
    }
  }

  /** Codes as that library wants them: of decoder rows of unit norm in captured units. */
  private static double[] timesNorms(double[] code, Dictionary dictionary) {
    double[] longer = code.clone();
    for (int latent = 0; latent < code.length; latent++) {
      longer[latent] *= dictionary.decoder().norm(latent) / dictionary.inputScale()[0];
    }
    return longer;
  }

  /** Where nothing is folded, numbers that come back are the numbers that were. */
  @Test
  void weightsOfAnAutoencoderWithoutScalingComeBackBitByBit() throws IOException {
    for (PeerFormat format : PeerFormats.all()) {
      for (String type : List.of("top-k", "relu", "batch-top-k", "jump-relu")) {
        Dictionary dictionary = PeerFixture.dictionary(type, false);
        boolean folds =
            format.key().equals("dictionary-learning")
                && List.of("jump-relu", "relu").contains(type);
        if (folds || format.refusal(PeerFixture.metadata(dictionary)) != null) {
          continue;
        }
        // It subtracts nothing from inputs, and has logarithms of thresholds: these are rounded.
        float rounding = format.key().equals("llamascopium") ? 1e-5f : 0;
        Imported read = through(format.key(), dictionary);
        Dictionary again = read.dictionary(dictionary.sources());
        assertThat(again.encoder()).as(format.key()).isEqualTo(dictionary.encoder());
        assertThat(again.decoder()).isEqualTo(dictionary.decoder());
        assertThat(again.encoderBias()).containsExactly(dictionary.encoderBias(), within(rounding));
        assertThat(again.decoderBias()).containsExactly(dictionary.decoderBias());
        assertThat(again.threshold()).containsExactly(dictionary.threshold(), within(rounding));
        assertThat(again.inputMean()).containsOnly(0);
        assertThat(again.inputScale()).containsOnly(1);
      }
    }
  }

  @Test
  void filesSayWhereADictionaryBelongs() throws IOException {
    for (PeerFormat format : PeerFormats.all()) {
      Imported read = through(format.key(), PeerFixture.dictionary("top-k", true));
      assertThat(read.places())
          .as(format.key())
          .containsExactly(new Imported.Place(PeerFixture.SITE, 1000L));
      assertThat(read.replica()).isEqualTo(1);
    }
    Imported transcoder = through("saelens", PeerFixture.transcoder("relu", true, 5));
    assertThat(transcoder.places())
        .containsExactly(
            new Imported.Place(PeerFixture.SITE, 1000L),
            new Imported.Place(PeerFixture.TARGET, 1000L));
  }

  /** Stacked sources are compared by their norms, which are those of scaled units again. */
  @Test
  void aCrosscoderKeepsWhatItsSourcesAreScaledBy() throws IOException {
    Dictionary dictionary =
        PeerFixture.over(
            "relu",
            true,
            new Source(PeerFixture.SITE, 0, 4),
            new Source(PeerFixture.SITE, 1000, 4));
    Imported read = through("safetensors", dictionary);
    Dictionary again = read.dictionary(dictionary.sources());
    assertThat(again.inputScale()).containsExactly(dictionary.inputScale());
    assertThat(again.decoder().values())
        .containsExactly(dictionary.decoder().values(), within(1e-6f));
  }

  @Test
  void theSameDictionaryGivesTheSameBytes() throws IOException {
    for (PeerFormat format : PeerFormats.all()) {
      Dictionary dictionary = PeerFixture.dictionary("top-k", true);
      List<PublishedFile> first = write(format, "first", dictionary);
      List<PublishedFile> second = write(format, "second", dictionary);
      assertThat(first.stream().map(PublishedFile::sha256))
          .as(format.key())
          .containsExactlyElementsOf(second.stream().map(PublishedFile::sha256).toList());
      assertThat(first.stream().map(PublishedFile::path))
          .containsExactly("first/" + format.tensorFile(), "first/" + format.configFile());
    }
  }

  /** A slice reads one source with the crosscoder's own weights, and its own thresholds. */
  @Test
  void aSliceIsADictionaryOfItsSource() throws IOException {
    Dictionary crosscoder =
        PeerFixture.over(
            "jump-relu-per-source",
            true,
            new Source(PeerFixture.SITE, 0, 4),
            new Source(PeerFixture.SITE, 1000, 3));
    Dictionary slice = SourceSlice.of(crosscoder, 1);
    assertThat(slice.type().key()).isEqualTo("jump-relu");
    assertThat(slice.sources()).containsExactly(crosscoder.sources().get(1));
    assertThat(slice.encoder().at(2, 5)).isEqualTo(crosscoder.encoder().at(6, 5));
    assertThat(slice.decoder()).isEqualTo(crosscoder.decoderOf(1));
    assertThat(slice.threshold()).containsExactly(crosscoder.sourceThreshold(1));
    assertThat(slice.inputScale()).containsExactly(crosscoder.inputScale()[1]);
    Imported read = through("saelens", slice);
    assertThat(read.dictionary().threshold()).containsExactly(slice.threshold());
  }

  @Test
  void whatAFormatCannotSayIsToldByName() {
    Map<String, String> refusals =
        Map.of(
            "saelens", "SAELens has no crosscoders, and some-r1-c1000 has 2 sources",
            "dictionary-learning", "dictionary_learning has no crosscoders",
            "sparsify", "sparsify has no crosscoders");
    Dictionary crosscoder =
        PeerFixture.over(
            "relu", true, new Source(PeerFixture.SITE, 0, 4), new Source(PeerFixture.SITE, 1, 3));
    refusals.forEach((format, words) -> assertThat(refusal(format, crosscoder)).contains(words));
    assertThat(refusal("safetensors", crosscoder)).contains("have the widths [4, 3]");
    assertThat(refusal("sparsify", PeerFixture.dictionary("relu", true)))
        .isEqualTo("sparsify knows TopK alone, and some-r1-c1000 is of type relu (max(pre, 0))");
    assertThat(refusal("sparsify", PeerFixture.transcoder("top-k", true, 5)))
        .contains("between sites of one width");
    assertThat(refusal("saelens", PeerFixture.transcoder("top-k", true, 5)))
        .contains("SAELens knows transcoders of ReLU and JumpReLU");
    assertThat(refusal("dictionary-learning", PeerFixture.transcoder("relu", true, 5)))
        .contains("has no transcoders, and some-r1-c1000 reads " + PeerFixture.SITE);
  }

  private static String refusal(String format, Dictionary dictionary) {
    return PeerFormats.of(format).refusal(PeerFixture.metadata(dictionary));
  }

  private Imported through(String key, Dictionary dictionary) throws IOException {
    PeerFormat format = PeerFormats.of(key);
    write(format, key, dictionary);
    return format.read(Folder.of(folder.resolve(key).toString()));
  }

  private List<PublishedFile> write(PeerFormat format, String path, Dictionary dictionary)
      throws IOException {
    Files.createDirectories(folder.resolve(path));
    return format.write(
        Folder.of(folder.toString()), path, dictionary, PeerFixture.origin(dictionary));
  }
}
