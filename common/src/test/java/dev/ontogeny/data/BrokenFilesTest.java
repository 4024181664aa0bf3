package dev.ontogeny.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.data.CaptureFixture.Encoding;
import dev.ontogeny.data.CaptureFixture.Form;
import dev.ontogeny.data.CaptureFooter.BinaryNumbers;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryFormat;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import dev.ontogeny.run.Json;
import dev.ontogeny.type.Target;
import dev.ontogeny.type.TopK;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.parquet.column.ParquetProperties.WriterVersion;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.Util;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.assertj.core.api.AbstractThrowableAssert;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What broken files once did, or could do: now each is told of, by its name. */
class BrokenFilesTest {
  record Settings(int rows) {}

  @TempDir private Path temporary;

  private static AbstractThrowableAssert<?, ?> refused(ThrowingCallable reading) {
    return assertThatThrownBy(reading)
        .isInstanceOfSatisfying(
            Failure.class, failure -> assertThat(failure.kind()).isEqualTo(FailureKind.DATA));
  }

  private Folder folder() {
    return Folder.of(temporary.toString());
  }

  private Manifest published(PublishedFile... files) {
    return PublicationFixture.publish(
        folder(), "dictionaries", new Settings(1), List.of(), List.of(files), Map.of());
  }

  private void replaceInManifest(String what, String by) throws IOException {
    Path manifest = temporary.resolve(Manifest.FILE);
    String text = Files.readString(manifest);
    assertThat(text).contains(what);
    Files.writeString(manifest, text.replace(what, by));
  }

  @Test
  void aFileOfAManifestIsNoFolderOfAnother() throws IOException {
    published(
        folder().write("a.txt", null, out -> out.write(1)),
        folder().write("b/c.txt", null, out -> out.write(1)));
    replaceInManifest("\"path\" : \"a.txt\"", "\"path\" : \"b\"");
    refused(() -> Manifest.read(folder()))
        .hasMessage(
            "%s names 'b' as a file, and as the folder of 'b/c.txt'",
            folder().resolve(Manifest.FILE));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"../a.txt\"",
        "\"a/../../a.txt\"",
        "\"..\"",
        "\"/etc/passwd\"",
        "\"a//b\"",
        "\"./a\"",
        "\"a/\"",
        "\"\"",
        "\"_manifest.json\"",
        "\"_progress/claims/a.json\"",
        "\"a\\u0000b\"",
        "null"
      })
  void aManifestNamesNothingOutsideOfItsFolder(String path) throws IOException {
    published(folder().write("a.txt", null, out -> out.write(1)));
    replaceInManifest("\"path\" : \"a.txt\"", "\"path\" : " + path);
    refused(() -> Manifest.read(folder()))
        .hasMessageStartingWith(folder().resolve(Manifest.FILE) + " names a file '")
        .hasMessageContaining("which is no path of a published file");
  }

  @Test
  void noPathLeadsOutOfAFolder() {
    refused(() -> folder().create("a/../../b"))
        .hasMessage("'a/../../b' leads out of %s", temporary);
    refused(() -> folder().delete("..")).hasMessage("'..' leads out of %s", temporary);
    assertThat(folder().resolve("a..b/..c")).endsWith("/a..b/..c");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          "bytes" : 1          | "bytes" : -1           | a.txt would have -1 bytes
          "sha256" : "         | "sha256" : "x          | sha256 of a.txt should be 64 hex digits
          "identity" : "       | "identity" : "x        | identity should be 64 hex digits
          "settings"           | "other"                | settings or summary is missing
          "inputs" : [ ]       | "inputs" : [ null ]    | an input has no kind
          "inputs" : [ ]       | "inputs" : [ {"kind" : "x"} ] | the identity of an input should be 64 hex digits, it is null
          "files" : [          | "files" : [ null,      | names a file 'null'
          """)
  void whatAManifestLacksIsSaid(String what, String by, String message) throws IOException {
    published(folder().write("a.txt", null, out -> out.write(1)));
    replaceInManifest(what, by);
    refused(() -> Manifest.read(folder()))
        .hasMessageContaining(Manifest.FILE)
        .hasMessageContaining(message);
  }

  @Test
  void aFileOfNothingIsNoManifest() throws IOException {
    for (String text : List.of("null", "", "  ")) {
      Files.writeString(temporary.resolve(Manifest.FILE), text);
      refused(() -> Manifest.read(folder()))
          .hasMessage(
              "%s is not the JSON of a Manifest: it is empty", folder().resolve(Manifest.FILE));
    }
  }

  @Test
  void aDatasetsSummaryIsThatOfADataset() throws IOException {
    PublicationFixture.publish(
        folder(), "dataset", new Settings(1), List.of(), List.of(), Map.of("rows", 3));
    refused(() -> ShardedDataset.open(folder()))
        .hasMessageContaining("'summary' in the _manifest.json of dataset ")
        .hasMessageEndingWith("held_out_shards or sites is missing");
    replaceInManifest(
        "\"rows\" : 3",
        "\"rows\" : 3, \"shards\" : 2000000000, \"held_out_shards\":[],\"sites\":[]");
    refused(() -> ShardedDataset.open(folder()))
        .hasMessageEndingWith("says 2000000000 shards and names 0 files of tokens");
    replaceInManifest("2000000000", "0, \"findings\" : {}");
    assertThat(ShardedDataset.open(folder()).summary().isConstant("a", 0)).isFalse();
  }

  private static DictionaryMetadata metadata(int width) {
    return new DictionaryMetadata(
        DictionaryMetadata.VERSION,
        "x",
        "x",
        TopK.TYPE,
        Target.AUTOENCODER,
        width,
        1,
        List.of(new Source("site", 0, 2)),
        0,
        0,
        null,
        0,
        null,
        null,
        null,
        TopK.TYPE.rule(),
        new DictionaryMetadata.Training(0, Json.object()),
        new DictionaryMetadata.Quality(1, 1, 0, 1));
  }

  private static byte[] tensors() throws IOException {
    Dictionary dictionary =
        new Dictionary(
            TopK.TYPE,
            List.of(new Source("site", 0, 2)),
            1,
            FloatMatrix.zeros(2, 3),
            new float[3],
            FloatMatrix.zeros(3, 2),
            new float[2],
            new float[2],
            new float[1]);
    FloatMatrix row = FloatMatrix.zeros(1, 2);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    DictionaryFormat.write(
        dictionary, new DictionaryFormat.Probe(row, FloatMatrix.zeros(1, 3), row), out);
    return out.toByteArray();
  }

  /** With another text in its header, of the same length. */
  private static byte[] replaced(byte[] file, String what, String by) {
    String text = new String(file, StandardCharsets.ISO_8859_1);
    assertThat(text).contains(what);
    return text.replace(what, by.concat(" ".repeat(what.length() - by.length())))
        .getBytes(StandardCharsets.ISO_8859_1);
  }

  private void dictionary(String folder, String id) throws IOException {
    String text = Json.pretty(metadata(3)).replace("\"id\" : \"x\"", "\"id\" : \"" + id + "\"");
    published(
        folder()
            .write(
                folder + "/dictionary.json",
                null,
                out -> out.write(text.getBytes(StandardCharsets.UTF_8))));
  }

  @ParameterizedTest
  @ValueSource(strings = {"..", ".", "../x", "a/b", ""})
  void theIdOfADictionaryIsTheNameOfAFolder(String id) throws IOException {
    dictionary("x", id);
    refused(() -> DictionaryFolder.open(folder()))
        .hasMessage(
            "%s is not the JSON of a DictionaryMetadata: 'id' should be the name of a folder, it is '%s'",
            folder().resolve("x/dictionary.json"), id);
  }

  @Test
  void theFolderOfADictionaryIsNamedLikeIt() throws IOException {
    dictionary("x", "y");
    refused(() -> DictionaryFolder.open(folder()))
        .hasMessage(
            "%s describes a dictionary 'y': the id should be the name of its folder",
            folder().resolve("x/dictionary.json"));
  }

  @Test
  void aDictionaryWithoutItsTensorsIsNamed() throws IOException {
    dictionary("x", "x");
    refused(() -> DictionaryFolder.read(folder(), "x"))
        .hasMessage(
            "%s is missing beside its dictionary.json",
            folder().resolve("x/dictionary.safetensors"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          "shape":[2,3]      | "shape":[3,2]    | needs | x has 2 latents (W_enc), its dictionary.json says 3
          "shape":[3,2]      | "shape":[2,3]    | needs | tensors do not fit together
          "shape":[2,3]      | "shape":[2,4]    | tensor W_enc should be F32 | four bytes for each number
          "shape":[2,3]      | "shape":[-6]     | tensor W_enc should be F32 | its header says
          "shape":[2,3]      | "shape":6        | tensor W_enc should be F32 | its header says
          "shape":[2,3]      | "shape":[6]      | x needs a tensor W_enc of 2 dimensions | W_dec
          "data_offsets":[0,24] | "data_offsets":[24,0] | tensor W_enc should be F32 | begin at byte 0
          "data_offsets":[0,24] | "data_offsets":[8,32] | tensor W_enc should be F32 | begin at byte 0
          "dtype":"F32"      | "dtype":"F16"    | tensor W_enc should be F32 | its header says
          "version":"1"      | "version":"2"    | x is of version 2 | reads versions up to 1
          "version":"1"      | "version":"x"    | x says no version that there is | damaged
          """)
  void tensorsAreWhatTheirHeaderSays(String what, String by, String one, String other)
      throws IOException {
    byte[] broken = replaced(tensors(), what, by);
    refused(() -> DictionaryFormat.read(metadata(3), new ByteArrayInputStream(broken), "x"))
        .hasMessageStartingWith("x")
        .hasMessageContaining(other)
        .satisfies(
            thrown -> {
              if (!one.equals("needs")) {
                assertThat(thrown).hasMessageContaining(one);
              }
            });
  }

  @Test
  void aShortFileOfManyTensorsTakesNoMemory() {
    // 2^31 numbers that are not there; and a header of a hundred megabytes that is not there.
    String header =
        "{\"W_enc\":{\"dtype\":\"F32\",\"shape\":[2147483000],\"data_offsets\":[0,8589932000]}}";
    ByteBuffer file = ByteBuffer.allocate(8 + header.length()).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(header.length()).put(header.getBytes(StandardCharsets.UTF_8));
    ByteBuffer cut = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putLong(99_999_999);
    for (byte[] each : List.of(file.array(), cut.array())) {
      assertThat(
              allocated(
                  () ->
                      refused(
                              () ->
                                  DictionaryFormat.read(
                                      metadata(3), new ByteArrayInputStream(each), "x"))
                          .hasMessage("x ends before its tensors do: it is cut off")))
          .isLessThan(32L << 20);
    }
  }

  private static long allocated(Runnable work) {
    com.sun.management.ThreadMXBean threads =
        (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    work.run();
    return threads.getCurrentThreadAllocatedBytes() - before;
  }

  /** A capture whose footer was changed. */
  private Path capture(Consumer<FileMetaData> change) throws IOException {
    return changed(written(Form.FLOAT_LIST, Encoding.usual()), change);
  }

  private Path written(Form form, Encoding encoding) throws IOException {
    return CaptureFixture.write(
        temporary, "a", 1, form, encoding, 3, CaptureFixture.rows(2, 4, 3, 1));
  }

  private static Path changed(Path file, Consumer<FileMetaData> change) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    int footer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(bytes.length - 8);
    int from = bytes.length - 8 - footer;
    FileMetaData metadata = Util.readFileMetaData(new ByteArrayInputStream(bytes, from, footer));
    change.accept(metadata);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(bytes, 0, from);
    Util.writeFileMetaData(metadata, out);
    int length = out.size() - from;
    out.write(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(length).array());
    out.write(bytes, bytes.length - 4, 4);
    Files.write(file, out.toByteArray());
    return file;
  }

  private static ColumnMetaData column(FileMetaData metadata, int place) {
    return metadata.getRow_groups().get(0).getColumns().get(place).getMeta_data();
  }

  private void footerIsRefused(Consumer<FileMetaData> change, String message) throws IOException {
    Path file = capture(change);
    CaptureFile listed = CaptureFile.list(temporary.toString(), CaptureColumns.standard()).get(0);
    refused(
            () ->
                CaptureFooter.read(
                    listed, CaptureColumns.standard(), new BinaryNumbers(null, null)))
        .hasMessageContaining(file.toString())
        .hasMessageContaining(message);
    Files.delete(file);
  }

  @Test
  void aFooterFitsToItsFile() throws IOException {
    footerIsRefused(
        metadata -> column(metadata, 0).setTotal_compressed_size(1L << 40),
        "is not a readable Parquet file");
    footerIsRefused(
        metadata -> column(metadata, 0).setTotal_compressed_size(-1),
        "column document would have 8 values in -1 bytes");
    footerIsRefused(
        metadata -> column(metadata, 1).setNum_values(1L << 40),
        "column position would have 1099511627776 values");
    footerIsRefused(
        metadata -> metadata.getRow_groups().get(0).setNum_rows(1L << 40),
        "for 1099511627776 rows");
    footerIsRefused(
        metadata -> metadata.getRow_groups().get(0).getColumns().remove(2),
        "a row group has 8 rows in 6 columns, the schema has 7");
  }

  @Test
  void sizesInAFooterAreNoGreaterThanWhatIsLeftOfIt() throws IOException {
    // Field 2, a list of structs: 2^31 - 1 of them.
    byte[] endless = {0x29, (byte) 0xfc, -1, -1, -1, -1, 7, 0};
    assertThatThrownBy(() -> FooterSizes.require(endless, endless.length))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("the footer has a list of 2147483647 values");
    // Field 1, bytes: more than there are.
    assertThatThrownBy(() -> FooterSizes.require(new byte[] {0x18, 100, 0}, 3))
        .hasMessageContaining("the footer has 100 bytes at its byte 2, 1 bytes are left");
    byte[] deep = new byte[5000];
    Arrays.fill(deep, (byte) 0x1c);
    assertThatThrownBy(() -> FooterSizes.require(deep, deep.length))
        .hasMessageContaining("structs within structs");
    // What it says of a real footer is nothing.
    byte[] bytes = Files.readAllBytes(capture(metadata -> {}));
    int footer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(bytes.length - 8);
    FooterSizes.require(Arrays.copyOfRange(bytes, bytes.length - 8 - footer, bytes.length), footer);
  }

  @Test
  void aPageUnfoldsToWhatItsCodecCanFold() throws IOException {
    BoundedCodecs.require(CompressionCodecName.ZSTD, 30, 1 << 20);
    BoundedCodecs.require(CompressionCodecName.SNAPPY, 0, 0);
    for (CompressionCodecName codec : CompressionCodecName.values()) {
      assertThatThrownBy(() -> BoundedCodecs.require(codec, 40, Integer.MAX_VALUE))
          .hasMessage("a page of 40 bytes cannot unfold to 2147483647 (%s)", codec);
    }
    assertThatThrownBy(() -> BoundedCodecs.require(CompressionCodecName.GZIP, 40, -1))
        .hasMessageContaining("cannot unfold to -1");
  }

  @Test
  void runsAreWithinTheirPage() {
    RunDecoder decoder = new RunDecoder();
    // A packed run of 2^30 groups in a page of six bytes.
    byte[] page = {-1, -1, -1, -1, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    decoder.reset(page, 0, 6, 1);
    assertThatThrownBy(decoder::read)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("a page ends before its values");
    for (int bits : new int[] {-1, 33, 127}) {
      assertThatThrownBy(() -> decoder.reset(page, 0, 6, bits))
          .hasMessage("values of %d bits", bits);
    }
  }

  private static final Encoding PLAIN =
      new Encoding(WriterVersion.PARQUET_1_0, false, CompressionCodecName.UNCOMPRESSED, 1 << 20);

  @Test
  void aPageOfHalfARowEnds() throws IOException {
    // Eight vectors of six bytes, said to be of ten.
    Path file =
        changed(
            written(Form.FIXED_HALVES, PLAIN),
            metadata ->
                metadata.getSchema().get(metadata.getSchema().size() - 1).setType_length(10));
    String relative = temporary.relativize(file).toString();
    try (VectorReader reader =
        VectorReader.open(folder(), relative, "activation", VectorType.FLOAT16, 5)) {
      refused(() -> reader.read(FloatMatrix.zeros(8, 5)))
          .hasMessageContaining(relative)
          .hasMessageContaining("a page of 48 bytes is no number of rows of 10");
    }
  }

  @Test
  void aTextThatIsLongerThanItsPageIsToldOf() throws IOException {
    Path file = written(Form.FIXED_FLOATS, PLAIN);
    byte[] bytes = Files.readAllBytes(file);
    // The first token: its length in four bytes, then its text.
    int at =
        new String(bytes, StandardCharsets.ISO_8859_1)
            .indexOf(new String(new char[] {2, 0, 0, 0, 't', '0'}));
    assertThat(at).isPositive();
    bytes[at + 1] = 100;
    Files.write(file, bytes);
    CaptureColumns columns = CaptureColumns.standard();
    CaptureFooter footer =
        CaptureFooter.read(
            CaptureFile.list(temporary.toString(), columns).get(0),
            columns,
            Form.FIXED_FLOATS.binaryNumbers());
    CaptureReader.Split split = new CaptureReader.Split(0, 0, 1, 0, footer.rows(), bytes.length);
    try (CaptureReader reader =
        CaptureReader.open(footer, split, columns, VectorType.FLOAT32, true)) {
      reader.next();
      refused(reader::token)
          .hasMessageContaining(file.toString())
          .hasMessageContaining("row 0: column 'token' cannot be read, the file is damaged");
    }
    String relative = temporary.relativize(file).toString();
    try (TableReader reader = TableReader.open(folder(), relative)) {
      refused(reader::next)
          .hasMessageContaining(relative)
          .hasMessageContaining("cannot be read, it is not as it was published");
    }
  }
}
