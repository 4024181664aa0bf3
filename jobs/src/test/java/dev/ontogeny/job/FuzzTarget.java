package dev.ontogeny.job;

import dev.ontogeny.data.CaptureColumns;
import dev.ontogeny.data.CaptureFile;
import dev.ontogeny.data.CaptureFixture;
import dev.ontogeny.data.CaptureFooter;
import dev.ontogeny.data.CaptureReader;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.TensorFile;
import dev.ontogeny.data.VectorForm.NumberType;
import dev.ontogeny.data.VectorReader;
import dev.ontogeny.data.VectorType;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.SettingsReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.parquet.column.ParquetProperties.WriterVersion;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;

/**
 * A kind of file that may come from anywhere, and how the jobs read it. {@link #execute} puts a
 * broken one where a whole one was and reads all of it; it may fail, but only as users are told of.
 */
enum FuzzTarget {
  /** A capture: footer and every page. */
  CAPTURE(false) {
    @Override
    void prepare(Path release, Path folder) {
      // The broken file is all there is.
    }

    @Override
    List<byte[]> whole(Path release, Path folder) throws IOException {
      List<byte[]> whole = new ArrayList<>();
      CompressionCodecName[] codecs = {
        CompressionCodecName.UNCOMPRESSED,
        CompressionCodecName.SNAPPY,
        CompressionCodecName.ZSTD,
        CompressionCodecName.GZIP,
        CompressionCodecName.LZ4_RAW
      };
      for (CaptureFixture.Form form : CaptureFixture.Form.values()) {
        for (WriterVersion version : WriterVersion.values()) {
          Path capture = release.resolve("capture-" + form + version);
          Path file =
              CaptureFixture.write(
                  capture,
                  "a",
                  5,
                  form,
                  new CaptureFixture.Encoding(
                      version,
                      whole.size() % 3 > 0,
                      codecs[whole.size() % codecs.length],
                      whole.size() % 2 == 0 ? 200 : 1 << 20),
                  3,
                  CaptureFixture.rows(3, 5, 3, 5));
          whole.add(Files.readAllBytes(file));
          Files.delete(file);
        }
      }
      return whole;
    }

    @Override
    Path place(Path folder) {
      return folder.resolve("site=a/checkpoint=5/part.parquet");
    }

    @Override
    void execute(Path folder, long number) throws IOException {
      CaptureColumns columns = FuzzTarget.COLUMNS;
      boolean halves = number % 2 == 0;
      for (CaptureFile file : CaptureFile.list(folder.toString(), columns)) {
        CaptureFooter footer =
            CaptureFooter.read(
                file,
                columns,
                new CaptureFooter.BinaryNumbers(
                    halves ? NumberType.FLOAT16 : NumberType.FLOAT32, null));
        if (footer.rows() == 0) {
          continue;
        }
        CaptureReader.Split split =
            new CaptureReader.Split(
                0, 0, footer.rowGroups().size(), 0, footer.rows(), file.bytes());
        byte[] vector = new byte[4 * 64];
        try (CaptureReader reader =
            CaptureReader.open(
                footer, split, columns, halves ? VectorType.FLOAT16 : VectorType.FLOAT32, true)) {
          while (reader.next()) {
            var unused =
                List.of(
                    footer.textDocuments() ? reader.documentText() : reader.documentNumber(),
                    reader.position(),
                    reader.site(),
                    reader.checkpoint(),
                    String.valueOf(reader.tokenId()),
                    reader.loss(),
                    String.valueOf(reader.token()));
            for (int label = 0; label < footer.labels().size(); label++) {
              var unusedLabel = reader.label(label);
            }
            reader.activation(vector, 0, Math.min(64, footer.widths().get(reader.site())));
            if (footer.gradient() != null) {
              reader.gradient(vector, 0, Math.min(64, footer.widths().get(reader.site())));
            }
          }
        }
        CaptureReader.digest(footer, split, columns, true);
      }
    }
  },

  /** Tables that were published, all but vectors. */
  TABLE(false) {
    @Override
    List<byte[]> whole(Path release, Path folder) throws IOException {
      return read(release, file -> file.toString().endsWith(".parquet") && !vectors(file));
    }

    @Override
    void prepare(Path release, Path folder) throws IOException {
      Files.createDirectories(folder.resolve("table"));
    }

    @Override
    Path place(Path folder) {
      return folder.resolve("table/part.parquet");
    }

    @Override
    void execute(Path folder, long number) throws IOException {
      try (TableReader reader = TableReader.open(FuzzTarget.folder(folder), "table/part.parquet")) {
        while (reader.next() != null) {
          // To the end.
        }
      }
    }
  },

  /** The vectors of a dataset. */
  VECTORS(false) {
    @Override
    List<byte[]> whole(Path release, Path folder) throws IOException {
      return read(release, FuzzTarget::vectors);
    }

    @Override
    void prepare(Path release, Path folder) throws IOException {
      Files.createDirectories(folder.resolve("vectors"));
    }

    @Override
    Path place(Path folder) {
      return folder.resolve("vectors/part.parquet");
    }

    @Override
    void execute(Path folder, long number) throws IOException {
      try (VectorReader reader =
          VectorReader.open(
              FuzzTarget.folder(folder),
              "vectors/part.parquet",
              "activation",
              VectorType.FLOAT32,
              6)) {
        FloatMatrix rows = FloatMatrix.zeros(64, 6);
        reader.skip(number % 100);
        while (reader.read(rows) > 0) {
          // To the end.
        }
      }
    }
  },

  /** The tensors of a dictionary. */
  TENSORS(false) {
    @Override
    List<byte[]> whole(Path release, Path folder) throws IOException {
      return read(release, file -> isFirst(file) && file.endsWith("dictionary.safetensors"));
    }

    @Override
    void prepare(Path release, Path folder) throws IOException {
      copy(release.resolve("chain/dictionaries"), folder.resolve("d"));
    }

    @Override
    Path place(Path folder) throws IOException {
      return only(folder, "dictionary.safetensors");
    }

    @Override
    void execute(Path folder, long number) throws IOException {
      dictionaries(folder);
    }
  },

  /** What is said of a dictionary. */
  DESCRIPTION(true) {
    @Override
    List<byte[]> whole(Path release, Path folder) throws IOException {
      return read(release, file -> isFirst(file) && file.endsWith("dictionary.json"));
    }

    @Override
    void prepare(Path release, Path folder) throws IOException {
      copy(release.resolve("chain/dictionaries"), folder.resolve("d"));
    }

    @Override
    Path place(Path folder) throws IOException {
      return only(folder, "dictionary.json");
    }

    @Override
    void execute(Path folder, long number) throws IOException {
      dictionaries(folder);
    }
  },

  /** The manifest of a dataset, of dictionaries, of features or of an evolution. */
  MANIFEST(true) {
    @Override
    List<byte[]> whole(Path release, Path folder) throws IOException {
      return read(release, file -> file.endsWith(Manifest.FILE));
    }

    @Override
    void prepare(Path release, Path folder) throws IOException {
      // One folder with the files of both, whatever the broken manifest says that it is.
      copy(release.resolve("dataset"), folder.resolve("d"));
      Files.delete(place(folder));
      copy(release.resolve("chain/dictionaries"), folder.resolve("d"));
      Files.createDirectories(folder.resolve("output"));
    }

    @Override
    Path place(Path folder) {
      return folder.resolve("d").resolve(Manifest.FILE);
    }

    @Override
    void execute(Path folder, long number) throws IOException {
      Folder published = FuzzTarget.folder(folder.resolve("d"));
      Manifest manifest = Manifest.read(published);
      for (Manifest.Input input : manifest.inputs()) {
        var unused = input.shortened() + input.content();
      }
      for (String table : List.of("tokens", "moments", "features", "events", "none")) {
        var unused = manifest.schema(table);
      }
      switch (manifest.kind()) {
        case "dataset":
          ShardedDataset dataset = ShardedDataset.open(published);
          dataset
              .summary()
              .sites()
              .forEach(
                  site ->
                      site.checkpoints()
                          .forEach(
                              step -> {
                                var unused = dataset.summary().isConstant(site.site(), step);
                              }));
          break;
        case "dictionaries":
          var unused = DictionaryFolder.open(published);
          break;
        default:
          break;
      }
      // As a job does that goes on from what was published.
      Folder output = FuzzTarget.folder(folder.resolve("output"));
      for (PublishedFile file : manifest.files()) {
        if (published.exists(file.path())) {
          output.copy(published, file);
        }
      }
      output.delete("");
      Files.createDirectories(folder.resolve("output"));
    }
  },

  /** A pipeline file. */
  PIPELINE(true) {
    @Override
    List<byte[]> whole(Path release, Path folder) throws IOException {
      List<byte[]> whole = new ArrayList<>();
      for (String job : List.of("shard", "train", "measure", "evolve", "report")) {
        whole.add(
            ("work = /work\nshard.input = /capture\n"
                    + job
                    + " {\n"
                    + SettingsReader.defaultsText(job)
                    + (job.equals("train")
                        ? "\ndictionaries = [{ type = top-k, width = 64, k = 4 }]"
                        : "")
                    + "\n}\n")
                .replaceAll(
                    "(?m)^(input|output|dataset|dictionaries|features|evolution) = null$", "")
                .getBytes(StandardCharsets.UTF_8));
      }
      whole.add(
          "work = /work\nshard { input = [/a, /b], sites = [x] }\ntrain { dictionaries = [{type = relu, width = 8}], replicas = 2 }\nmeasure {}\nevolve { events { alive-cosine = 0.7 } }\nreport = null\n"
              .getBytes(StandardCharsets.UTF_8));
      return whole;
    }

    @Override
    void prepare(Path release, Path folder) {
      // The broken file is all there is.
    }

    @Override
    Path place(Path folder) {
      return folder.resolve("settings.conf");
    }

    @Override
    void execute(Path folder, long number) {
      Path file = folder.resolve("settings.conf");
      var unused =
          Pipeline.of(
              Main.jobs(),
              SettingsReader.layered("run", file.toFile(), List.of()),
              file.toString());
    }
  };

  private static final CaptureColumns COLUMNS =
      SettingsReader.bind(
          CaptureColumns.class,
          SettingsReader.defaults("shard").resolve().getConfig("columns"),
          "shard.conf");

  private final boolean text;

  FuzzTarget(boolean text) {
    this.text = text;
  }

  boolean isText() {
    return text;
  }

  /**
   * Files that can be read, to be broken.
   *
   * @param release what was kept of one
   */
  abstract List<byte[]> whole(Path release, Path folder) throws IOException;

  /** Makes what lies around the broken file. */
  abstract void prepare(Path release, Path folder) throws IOException;

  /** Where the broken file belongs. */
  abstract Path place(Path folder) throws IOException;

  /**
   * Reads all of it, as jobs do.
   *
   * @param number of the execution: what may be done in several ways is chosen by it
   */
  abstract void execute(Path folder, long number) throws IOException;

  private static Folder folder(Path path) {
    return Folder.of(path.toString());
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path each : all.filter(Files::isRegularFile).toList()) {
        Path target = to.resolve(from.relativize(each).toString());
        Files.createDirectories(target.getParent());
        Files.copy(each, target);
      }
    }
  }

  private static boolean vectors(Path file) {
    return file.toString().contains("vectors") && file.toString().endsWith(".parquet");
  }

  private static List<byte[]> read(Path release, Predicate<Path> wanted) throws IOException {
    List<byte[]> found = new ArrayList<>();
    try (Stream<Path> all = Files.walk(release)) {
      for (Path each : all.filter(Files::isRegularFile).filter(wanted).sorted().toList()) {
        found.add(Files.readAllBytes(each));
      }
    }
    return found;
  }

  /** Of the chain's first dictionary, which is the one that is broken. */
  private static boolean isFirst(Path file) {
    return file.getParent().toString().endsWith("-r0-c0");
  }

  private static Path only(Path folder, String name) throws IOException {
    try (Stream<Path> all = Files.walk(folder.resolve("d"))) {
      return all.filter(file -> file.endsWith(name)).sorted().findFirst().orElseThrow();
    }
  }

  /** As train, measure and evolve read dictionaries. */
  private static void dictionaries(Path folder) throws IOException {
    Folder published = folder(folder.resolve("d"));
    DictionaryFolder dictionaries = DictionaryFolder.open(published);
    DictionaryMetadata first = dictionaries.dictionaries().get(0);
    var unused = DictionaryFolder.read(published, first);
    int width = first.width();
    try (TensorFile tensors = TensorFile.open(published, first.id() + "/dictionary.safetensors")) {
      tensors.rows("W_dec", new int[] {0, Math.min(width, 1000) - 1, -1});
      tensors.columns("W_enc", 0, Math.min(width, 1000), 0, first.sources().get(0).width());
    }
  }
}
