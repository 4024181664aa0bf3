package dev.ontogeny.data;

import dev.ontogeny.data.VectorForm.Layout;
import dev.ontogeny.data.VectorForm.NumberType;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.io.SeekableInputStream;
import org.apache.parquet.schema.MessageType;

/**
 * What is known of a capture's file before its vectors are read. Of a file without rows only that
 * is known.
 *
 * @param outline digest of what the file says of itself: its size, partitions and footer. Another
 *     content may have the same
 * @param textDocuments whether documents are texts; otherwise whole numbers
 * @param activation form of the vectors, with the type of their numbers; null without rows
 * @param gradient null if there is none
 * @param widths numbers of most vectors, by site
 * @param labels in the file's order
 * @param sources rows per (site, checkpoint), those that have any
 * @param checkpointTexts how the capture calls each checkpoint
 */
public record CaptureFooter(
    CaptureFile file,
    String outline,
    boolean textDocuments,
    VectorForm activation,
    VectorForm gradient,
    Map<String, Integer> widths,
    boolean hasTokenId,
    boolean hasToken,
    boolean hasLoss,
    List<TableSchema.Column> labels,
    List<RowGroup> rowGroups,
    List<SourceRows> sources,
    Map<Long, String> checkpointTexts)
    implements Serializable {

  /** Matches no length: vectors are only measured. */
  private static final int NO_WIDTH = -2;

  /** Vectors of one length that settle a site's width. */
  private static final int ENOUGH = 64;

  /** How many rows a row group has, and its bytes in the file. */
  public record RowGroup(long rows, long bytes) implements Serializable {}

  /** Rows of one (site, checkpoint). */
  public record SourceRows(String site, long checkpoint, long rows) implements Serializable {}

  /** How vectors without a type of their own are to be read; either may be null. */
  public record BinaryNumbers(NumberType number, Integer width) implements Serializable {}

  /** Opens a file's footer and checks its columns; fails naming file, column and what is right. */
  public static CaptureFooter read(
      CaptureFile file, CaptureColumns columns, BinaryNumbers binaryNumbers) throws IOException {
    try (Reading reading = new Reading(file, columns)) {
      return reading.footer(binaryNumbers);
    }
  }

  /** Rows of all row groups; 0 for a file that holds none. */
  public long rows() {
    return rowGroups.stream().mapToLong(RowGroup::rows).sum();
  }

  /** A file that opens, or a failure that names it. */
  static ParquetFileReader open(CaptureFile file, CheckedInput input) throws IOException {
    try {
      return input.footer(Folder.configuration());
    } catch (IOException | RuntimeException e) {
      CheckedInput.rethrowOfStore(e);
      throw Failure.data(
              "%s is not a readable Parquet file (%d bytes; cut off, or still being written?): %s",
              file.location(), file.bytes(), e.getMessage())
          .causedBy(e);
    }
  }

  private static final class Reading implements AutoCloseable {
    private final CaptureFile file;
    private final CaptureColumns columns;
    private final Configuration configuration = Folder.configuration();
    private final CheckedInput input;
    private final ParquetFileReader reader;
    private final MessageType schema;
    private final CaptureSchema checked;
    private final Map<Long, String> checkpointTexts = new TreeMap<>();

    Reading(CaptureFile file, CaptureColumns columns) throws IOException {
      this.file = file;
      this.columns = columns;
      input = CheckedInput.open(file.location(), "does not exist any more", configuration);
      reader = open(file, input);
      schema = reader.getFileMetaData().getSchema();
      checked = new CaptureSchema(file, columns, reader);
    }

    CaptureFooter footer(BinaryNumbers binaryNumbers) throws IOException {
      List<RowGroup> rowGroups = new ArrayList<>();
      for (BlockMetaData block : reader.getFooter().getBlocks()) {
        rowGroups.add(new RowGroup(block.getRowCount(), block.getCompressedSize()));
      }
      if (reader.getRecordCount() == 0) {
        // Writers leave empty files, often without types: there is nothing to check.
        return new CaptureFooter(
            file, outline(), false, null, null, Map.of(), false, false, false, List.of(), rowGroups,
            List.of(), Map.of());
      }
      boolean text = checked.textDocuments();
      checked.requireWhole(columns.position(), "columns.position");
      VectorForm activation = checked.vector(columns.activation(), binaryNumbers);
      VectorForm gradient =
          checked.hasGradient() ? checked.vector(columns.gradient(), binaryNumbers) : null;
      List<SourceRows> sources = sources();
      Map<String, Integer> counts = counts(activation, sources);
      if (activation.number() == null) {
        activation = decided(activation, counts, binaryNumbers);
        int size = activation.number().bytes();
        counts.replaceAll((site, pairs) -> 2 * pairs / size);
      }
      if (gradient != null && gradient.number() == null) {
        // Two columns of bytes in one capture are written alike.
        if (!gradient.fits(activation.number()) || activation.layout() != gradient.layout()) {
          throw Failure.settings(
              "%s: nothing says of what type the numbers of column '%s' are: set binary-type",
              file.location(), columns.gradient());
        }
        gradient = gradient.with(activation.number());
      }
      return new CaptureFooter(
          file,
          outline(),
          text,
          activation,
          gradient,
          counts,
          checked.hasTokenId(),
          checked.hasToken(),
          checked.hasLoss(),
          checked.labels(),
          rowGroups,
          sources,
          checkpointTexts);
    }

    /**
     * How many numbers most vectors of each site have; how many pairs of bytes where the type of
     * the numbers is not known yet.
     */
    private Map<String, Integer> counts(VectorForm form, List<SourceRows> sources)
        throws IOException {
      TreeMap<String, Integer> counts = new TreeMap<>();
      int size = form.number() == null ? 2 : form.number().bytes();
      Integer known = form.layout() == Layout.FIXED ? (Integer) (form.length() / size) : null;
      if (form.layout() == Layout.LIST) {
        known = equalLengths();
      }
      for (SourceRows source : sources) {
        counts.put(source.site(), known);
      }
      if (known == null) {
        countedLengths(form, counts);
      }
      return counts;
    }

    /** The length of every list where the footer says that all may be equal, otherwise null. */
    private Integer equalLengths() {
      Long length = null;
      for (BlockMetaData block : reader.getFooter().getBlocks()) {
        if (block.getRowCount() > 0) {
          long values = activationChunk(block).getValueCount();
          long each = values / block.getRowCount();
          if (values % block.getRowCount() != 0 || (length != null && length != each)) {
            return null;
          }
          length = each;
        }
      }
      return length == null ? null : (Integer) Math.toIntExact(length);
    }

    private ColumnChunkMetaData activationChunk(BlockMetaData block) {
      return chunk(block, VectorForm.leaf(schema, columns.activation()).getPath());
    }

    /**
     * The activations of a row group; read as numbers of two bytes where their type is not known
     * yet.
     */
    private VectorColumn activations(VectorForm form, BlockMetaData block) throws IOException {
      return new VectorColumn(
          input,
          activationChunk(block),
          VectorForm.leaf(schema, columns.activation()),
          form.number() == null ? form.with(NumberType.FLOAT16) : form,
          form.number() == null ? VectorType.FLOAT16 : VectorType.FLOAT32,
          null,
          configuration);
    }

    /** Looks at vectors until every site has shown enough of them. */
    private void countedLengths(VectorForm form, Map<String, Integer> counts) throws IOException {
      Map<String, TreeMap<Integer, Integer>> seen = new HashMap<>();
      Set<String> wanting = new HashSet<>(counts.keySet());
      ScalarColumns scalars =
          new ScalarColumns(
              reader, input, file.site() == null ? List.of(columns.site()) : List.of(), null);
      for (int group = 0; group < reader.getRowGroups().size() && !wanting.isEmpty(); group++) {
        BlockMetaData block = reader.getRowGroups().get(group);
        if (block.getRowCount() == 0) {
          continue;
        }
        try (VectorColumn vectors = activations(form, block)) {
          scalars.open(group);
          for (long row = 0; row < block.getRowCount() && !wanting.isEmpty(); row++) {
            String site = file.site();
            if (site == null) {
              site = scalars.column(0).text();
              scalars.column(0).advance();
            }
            TreeMap<Integer, Integer> lengths = seen.computeIfAbsent(site, key -> new TreeMap<>());
            int length = vectors.next(new byte[0], 0, NO_WIDTH);
            if (length > 0 && lengths.merge(length, 1, Integer::sum) >= ENOUGH) {
              wanting.remove(site);
            }
          }
        } catch (IOException | RuntimeException e) {
          throw CaptureReader.damaged(file, columns.activation(), e);
        }
      }
      counts.replaceAll(
          (site, none) ->
              seen.getOrDefault(site, new TreeMap<>()).entrySet().stream()
                  .max(Map.Entry.comparingByValue())
                  .map(Map.Entry::getKey)
                  .orElse(0));
    }

    /**
     * The type of numbers that neither the file nor a setting names. The width may tell four or
     * eight bytes, but not float16 from bfloat16.
     */
    private VectorForm decided(VectorForm form, Map<String, Integer> pairs, BinaryNumbers numbers)
        throws IOException {
      if (form.layout() == Layout.LIST) {
        throw Failure.settings(
            "%s: column '%s' is a list of two-byte values whose type nothing says (%s): set binary-type = float16 or bfloat16",
            file.location(), columns.activation(), guess(form, pairs));
      }
      int length = 2 * pairs.values().stream().findFirst().orElse(0);
      if (numbers.width() == null) {
        throw Failure.settings(
            "%s: column '%s' holds %d bytes a row, %d numbers of two bytes or %d of four: set binary-type = float16, bfloat16 or float32",
            file.location(), columns.activation(), length, length / 2, length / 4);
      }
      for (NumberType number : List.of(NumberType.FLOAT32, NumberType.FLOAT64)) {
        if (length == numbers.width() * number.bytes()) {
          return form.with(number);
        }
      }
      if (length == 2 * numbers.width()) {
        throw Failure.settings(
            "%s: column '%s' holds %d bytes a row, two for each of %d numbers (setting width), which may be float16 or bfloat16 (%s): set binary-type",
            file.location(), columns.activation(), length, numbers.width(), guess(form, pairs));
      }
      throw Failure.data(
          "%s: column '%s' holds %d bytes a row; %d numbers (setting width) take %d as float16 or bfloat16, %d as float32",
          file.location(),
          columns.activation(),
          length,
          numbers.width(),
          2 * numbers.width(),
          4 * numbers.width());
    }

    private String guess(VectorForm form, Map<String, Integer> pairs) throws IOException {
      List<long[]> counts = new ArrayList<>();
      int most = pairs.values().stream().mapToInt(Integer::intValue).max().orElse(0);
      byte[] vector = new byte[2 * most];
      for (BlockMetaData block : reader.getFooter().getBlocks()) {
        if (block.getRowCount() == 0) {
          continue;
        }
        try (VectorColumn vectors = activations(form, block)) {
          for (long row = 0; row < Math.min(block.getRowCount(), ENOUGH); row++) {
            if (vectors.next(vector, 0, most) == most && vectors.nulls() == 0) {
              counts.add(VectorForm.countExponents(vector, 0, most));
            }
          }
        } catch (IOException | RuntimeException e) {
          throw CaptureReader.damaged(file, columns.activation(), e);
        }
        return VectorForm.guess(counts);
      }
      return VectorForm.guess(counts);
    }

    private List<SourceRows> sources() throws IOException {
      List<String> scanned = new ArrayList<>();
      boolean siteColumn = file.site() == null || schema.containsField(columns.site());
      boolean checkpointColumn =
          file.checkpoint() == null || schema.containsField(columns.checkpoint());
      boolean texts = false;
      if (siteColumn) {
        checked.requireText(columns.site(), "columns.site, or a Hive partition");
        scanned.add(columns.site());
      }
      if (checkpointColumn) {
        texts = checked.textCheckpoints();
        scanned.add(columns.checkpoint());
      }
      if (file.checkpoint() != null) {
        checkpointTexts.put(file.checkpoint(), file.checkpointText());
      }
      Map<String, Map<Long, Long>> counts = new TreeMap<>();
      ScalarColumns scalars = new ScalarColumns(reader, input, scanned, null);
      long row = 0;
      for (int group = 0; group < reader.getRowGroups().size(); group++) {
        long rows = reader.getRowGroups().get(group).getRowCount();
        if (rows == 0) {
          continue;
        }
        if (scanned.isEmpty()) {
          counts
              .computeIfAbsent(file.site(), site -> new TreeMap<>())
              .merge(file.checkpoint(), rows, Long::sum);
          continue;
        }
        try {
          scalars.open(group);
          for (long i = 0; i < rows; i++, row++) {
            int next = 0;
            String site = siteColumn ? site(scalars.column(next++), row) : file.site();
            Long checkpoint =
                checkpointColumn ? checkpoint(scalars.column(next), row, texts) : file.checkpoint();
            counts.computeIfAbsent(site, key -> new TreeMap<>()).merge(checkpoint, 1L, Long::sum);
          }
        } catch (IOException | RuntimeException e) {
          throw CaptureReader.damaged(file, String.join(", ", scanned), e);
        }
      }
      List<SourceRows> sources = new ArrayList<>();
      counts.forEach(
          (site, steps) ->
              steps.forEach((step, rows) -> sources.add(new SourceRows(site, step, rows))));
      return sources;
    }

    private String site(ScalarColumns.Cursor cursor, long row) {
      requireValue(cursor, columns.site(), row);
      String site = cursor.text();
      cursor.advance();
      if (file.site() != null && !file.site().equals(site)) {
        throw disagreement(columns.site(), site, file.site(), row);
      }
      return site;
    }

    private Long checkpoint(ScalarColumns.Cursor cursor, long row, boolean texts) {
      requireValue(cursor, columns.checkpoint(), row);
      Long checkpoint;
      String text;
      if (texts) {
        text = cursor.text();
        checkpoint = columns.checkpointIn(text);
        if (checkpoint == null) {
          throw Failure.data(
              "%s, row %d: no training step can be read out of column '%s', which is '%s'; columns.checkpoint-pattern says how such texts hold one",
              file.location(), row, columns.checkpoint(), text);
        }
      } else {
        checkpoint = CaptureReader.whole(file, cursor, columns.checkpoint(), row);
        text = checkpoint.toString();
      }
      cursor.advance();
      if (file.checkpoint() != null && !file.checkpoint().equals(checkpoint)) {
        throw disagreement(columns.checkpoint(), text, file.checkpointText(), row);
      }
      if (file.checkpoint() == null) {
        String other = checkpointTexts.putIfAbsent(checkpoint, text);
        if (other != null && !other.equals(text)) {
          throw CaptureFooter.twoTexts(checkpoint, other, text, file.location());
        }
      }
      return checkpoint;
    }

    private Failure disagreement(String column, String inColumn, String inFolder, long row) {
      return Failure.data(
          "%s, row %d: column '%s' is %s, but the folder says %s=%s: leave out the one that is wrong",
          file.location(), row, column, inColumn, column, inFolder);
    }

    private void requireValue(ScalarColumns.Cursor cursor, String column, long row) {
      if (cursor.isNull()) {
        throw Failure.data(
            "%s, row %d: column '%s' is null; every row has a site and a checkpoint",
            file.location(), row, column);
      }
    }

    /** What can be known of the file without its pages, as a digest. */
    private String outline() throws IOException {
      long length = input.getLength();
      MessageDigest digest = Identity.newDigest();
      digest.update(
          (length + " " + file.site() + " " + file.checkpoint() + " ")
              .getBytes(StandardCharsets.UTF_8));
      try (SeekableInputStream in = input.newStream()) {
        in.seek(length - 8);
        byte[] tail = new byte[8];
        in.readFully(tail);
        int size =
            (tail[0] & 0xff)
                | (tail[1] & 0xff) << 8
                | (tail[2] & 0xff) << 16
                | (tail[3] & 0xff) << 24;
        byte[] footer = new byte[size];
        in.seek(length - 8 - size);
        in.readFully(footer);
        return HexFormat.of().formatHex(digest.digest(footer));
      }
    }

    @Override
    public void close() throws IOException {
      reader.close();
    }
  }

  /** Two names of one training step: one of them is not what it seems. */
  public static Failure twoTexts(long checkpoint, String one, String other, String location) {
    return Failure.data(
        "checkpoint %d is called both '%s' and '%s' (%s): two of one number cannot be told apart; capture them under different steps, or let columns.checkpoint-pattern read another number out of them",
        checkpoint, one, other, location);
  }

  /** The chunk of a column in a row group. */
  static ColumnChunkMetaData chunk(BlockMetaData block, String[] path) {
    for (ColumnChunkMetaData each : block.getColumns()) {
      if (java.util.Arrays.equals(each.getPath().toArray(), path)) {
        return each;
      }
    }
    throw new IllegalStateException("a row group lacks a column of its schema");
  }
}
