package dev.ontogeny.data;

import dev.ontogeny.data.TableSchema.ColumnType;
import dev.ontogeny.data.VectorForm.Layout;
import dev.ontogeny.data.VectorForm.NumberType;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import dev.ontogeny.run.SettingsReader;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.ChecksumException;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.HadoopReadOptions;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.hadoop.util.HadoopInputFile;
import org.apache.parquet.io.InputFile;
import org.apache.parquet.io.SeekableInputStream;
import org.apache.parquet.schema.LogicalTypeAnnotation.StringLogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;

/**
 * What is known of a capture's file before its rows are read.
 *
 * @param digest of the file's own footer: sizes, offsets and statistics of every column, so that
 *     another content has another digest
 * @param textDocuments whether documents are texts; otherwise whole numbers
 * @param activation with its number decided
 * @param gradient null if there is none
 * @param widths numbers of most vectors, by site
 * @param labels in the file's order
 * @param sources rows per (site, checkpoint)
 */
public record CaptureFooter(
    CaptureFile file,
    String digest,
    boolean textDocuments,
    VectorForm activation,
    VectorForm gradient,
    Map<String, Integer> widths,
    boolean hasTokenId,
    boolean hasToken,
    boolean hasLoss,
    List<TableSchema.Column> labels,
    List<RowGroup> rowGroups,
    List<SourceRows> sources)
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

  /** Rows of all row groups. */
  public long rows() {
    return rowGroups.stream().mapToLong(RowGroup::rows).sum();
  }

  /** A file that opens, or a failure that names it. */
  static ParquetFileReader open(CaptureFile file, InputFile input) throws IOException {
    try {
      return ParquetFileReader.open(
          input, HadoopReadOptions.builder(Folder.configuration()).build());
    } catch (FileNotFoundException e) {
      throw Failure.data("%s does not exist any more", file.location()).causedBy(e);
    } catch (RuntimeException | ChecksumException | EOFException e) {
      throw Failure.data(
              "%s is not a readable Parquet file (%d bytes; cut off, or still being written?): %s",
              file.location(), file.bytes(), e.getMessage())
          .causedBy(e);
    }
  }

  static InputFile input(CaptureFile file, Configuration configuration) throws IOException {
    try {
      return HadoopInputFile.fromPath(new Path(file.location()), configuration);
    } catch (FileNotFoundException e) {
      throw Failure.data("%s does not exist any more", file.location()).causedBy(e);
    }
  }

  private static final class Reading implements AutoCloseable {
    private final CaptureFile file;
    private final CaptureColumns columns;
    private final Configuration configuration = Folder.configuration();
    private final InputFile input;
    private final ParquetFileReader reader;
    private final MessageType schema;

    Reading(CaptureFile file, CaptureColumns columns) throws IOException {
      this.file = file;
      this.columns = columns;
      input = input(file, configuration);
      reader = open(file, input);
      schema = reader.getFileMetaData().getSchema();
    }

    CaptureFooter footer(BinaryNumbers binaryNumbers) throws IOException {
      boolean text = requireDocument();
      requireWhole(columns.position(), "columns.position");
      VectorForm activation = vector(columns.activation());
      VectorForm gradient = optional(columns.gradient()) ? vector(columns.gradient()) : null;
      boolean tokenId = optional(columns.tokenId());
      if (tokenId) {
        requireWhole(columns.tokenId(), "columns.token-id");
      }
      boolean token = optional(columns.token());
      if (token) {
        requireText(columns.token(), "columns.token");
      }
      boolean loss = optional(columns.loss());
      if (loss) {
        requireNumber(columns.loss());
      }
      List<SourceRows> sources = sources();
      Map<String, Integer> counts = counts(activation, sources);
      if (activation.number() == null) {
        activation = decided(activation, counts, binaryNumbers);
        int size = activation.number().bytes();
        counts.replaceAll((site, pairs) -> 2 * pairs / size);
      }
      if (gradient != null && gradient.number() == null) {
        // Two binary columns of one capture are written alike.
        NumberType number =
            activation.layout() == Layout.LIST ? binaryNumbers.number() : activation.number();
        if (number == null) {
          throw Failure.settings(
              "%s: column '%s' is binary: set binary-type", file.location(), columns.gradient());
        }
        gradient = new VectorForm(gradient.layout(), number, gradient.length());
      }
      List<RowGroup> rowGroups = new ArrayList<>();
      for (BlockMetaData block : reader.getFooter().getBlocks()) {
        rowGroups.add(new RowGroup(block.getRowCount(), block.getCompressedSize()));
      }
      return new CaptureFooter(
          file,
          digest(),
          text,
          activation,
          gradient,
          counts,
          tokenId,
          token,
          loss,
          labels(),
          rowGroups,
          sources);
    }

    private boolean optional(String column) {
      return column != null && schema.containsField(column);
    }

    private Type require(String column, String setting) {
      if (!schema.containsField(column)) {
        List<String> names = schema.getFields().stream().map(Type::getName).toList();
        throw Failure.data(
            "%s has no column '%s' (setting %s): %s",
            file.location(), column, setting, SettingsReader.nearest(column, names));
      }
      return schema.getType(column);
    }

    private Failure wrongType(String column, Type found, String right) {
      return Failure.data(
          "%s: column '%s' is %s; it must be %s",
          file.location(), column, VectorForm.described(found), right);
    }

    private static boolean isOf(Type type, PrimitiveTypeName... names) {
      return type.isPrimitive()
          && !type.isRepetition(Type.Repetition.REPEATED)
          && List.of(names).contains(type.asPrimitiveType().getPrimitiveTypeName());
    }

    private boolean requireDocument() {
      Type type = require(columns.document(), "columns.document");
      if (isOf(type, PrimitiveTypeName.BINARY)) {
        return true;
      }
      if (!isOf(type, PrimitiveTypeName.INT64, PrimitiveTypeName.INT32)) {
        throw wrongType(columns.document(), type, "a text or a whole number (string, int64)");
      }
      return false;
    }

    private void requireWhole(String column, String setting) {
      Type type = require(column, setting);
      if (!isOf(type, PrimitiveTypeName.INT64, PrimitiveTypeName.INT32)) {
        throw wrongType(column, type, "a whole number (int32 or int64)");
      }
    }

    private void requireText(String column, String setting) {
      Type type = require(column, setting);
      if (!isOf(type, PrimitiveTypeName.BINARY)) {
        throw wrongType(column, type, "a text (string)");
      }
    }

    private void requireNumber(String column) {
      Type type = schema.getType(column);
      boolean half =
          isOf(type, PrimitiveTypeName.FIXED_LEN_BYTE_ARRAY)
              && type.asPrimitiveType().getTypeLength() == 2;
      if (!half && !isOf(type, PrimitiveTypeName.FLOAT, PrimitiveTypeName.DOUBLE)) {
        throw wrongType(column, type, "a number (float16, float or double)");
      }
    }

    private VectorForm vector(String column) {
      require(column, "columns.activation");
      return VectorForm.of(schema, column, file.location());
    }

    private List<TableSchema.Column> labels() {
      List<TableSchema.Column> labels = new ArrayList<>();
      for (Type type : schema.getFields()) {
        if (type.getName().startsWith(columns.labelPrefix())) {
          labels.add(new TableSchema.Column(type.getName(), labelType(type), 0));
        }
      }
      return labels;
    }

    private ColumnType labelType(Type type) {
      if (isOf(type, PrimitiveTypeName.INT64)) {
        return ColumnType.LONG;
      } else if (isOf(type, PrimitiveTypeName.INT32)) {
        return ColumnType.INT;
      } else if (isOf(type, PrimitiveTypeName.FLOAT)) {
        return ColumnType.FLOAT;
      } else if (isOf(type, PrimitiveTypeName.DOUBLE)) {
        return ColumnType.DOUBLE;
      } else if (isOf(type, PrimitiveTypeName.BOOLEAN)) {
        return ColumnType.BOOLEAN;
      } else if (isOf(type, PrimitiveTypeName.BINARY)
          && type.getLogicalTypeAnnotation() instanceof StringLogicalTypeAnnotation) {
        return ColumnType.STRING;
      }
      throw wrongType(
          type.getName(), type, "a text, a number or a boolean, as every column that is a label");
    }

    /** Numbers of most vectors of each site; pairs of bytes where their type is open. */
    private Map<String, Integer> counts(VectorForm form, List<SourceRows> sources)
        throws IOException {
      TreeMap<String, Integer> counts = new TreeMap<>();
      Integer known = form.layout() == Layout.FIXED ? (Integer) (form.length() / 2) : null;
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

    /** Looks at vectors until every site has shown enough of them. */
    private void countedLengths(VectorForm form, Map<String, Integer> counts) throws IOException {
      VectorForm looked =
          form.number() == null
              ? new VectorForm(form.layout(), NumberType.FLOAT16, form.length())
              : form;
      Map<String, TreeMap<Integer, Integer>> seen = new HashMap<>();
      Set<String> wanting = new HashSet<>(counts.keySet());
      ScalarColumns scalars =
          new ScalarColumns(reader, file.site() == null ? List.of(columns.site()) : List.of());
      for (int group = 0; group < reader.getRowGroups().size() && !wanting.isEmpty(); group++) {
        BlockMetaData block = reader.getRowGroups().get(group);
        try (VectorColumn vectors =
            new VectorColumn(
                input,
                activationChunk(block),
                VectorForm.leaf(schema, columns.activation()),
                looked,
                VectorType.FLOAT32,
                configuration)) {
          scalars.open(group);
          for (long row = 0; row < block.getRowCount() && !wanting.isEmpty(); row++) {
            String site = file.site();
            if (site == null) {
              site = scalars.column(0).text().toStringUsingUTF8();
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

    private VectorForm decided(VectorForm form, Map<String, Integer> pairs, BinaryNumbers numbers) {
      int length = 2 * pairs.values().stream().findFirst().orElse(0);
      if (numbers.number() != null) {
        return new VectorForm(form.layout(), numbers.number(), form.length());
      }
      if (numbers.width() == null) {
        throw Failure.settings(
            "%s: column '%s' holds %d bytes a row, %d float16 or %d float32: set width or binary-type",
            file.location(), columns.activation(), length, length / 2, length / 4);
      }
      for (NumberType number : List.of(NumberType.FLOAT16, NumberType.FLOAT32)) {
        if (length == numbers.width() * number.bytes()) {
          return new VectorForm(form.layout(), number, form.length());
        }
      }
      throw Failure.data(
          "%s: column '%s' holds %d bytes a row; %d numbers (setting width) take %d as float16 or %d as float32",
          file.location(),
          columns.activation(),
          length,
          numbers.width(),
          2 * numbers.width(),
          4 * numbers.width());
    }

    private List<SourceRows> sources() throws IOException {
      List<String> scanned = new ArrayList<>();
      if (file.site() == null) {
        requireText(columns.site(), "columns.site, or a Hive partition");
        scanned.add(columns.site());
      }
      if (file.checkpoint() == null) {
        requireWhole(columns.checkpoint(), "columns.checkpoint, or a Hive partition");
        scanned.add(columns.checkpoint());
      }
      Map<String, Map<Long, Long>> counts = new TreeMap<>();
      ScalarColumns scalars = new ScalarColumns(reader, scanned);
      long row = 0;
      for (int group = 0; group < reader.getRowGroups().size(); group++) {
        long rows = reader.getRowGroups().get(group).getRowCount();
        if (scanned.isEmpty()) {
          counts
              .computeIfAbsent(file.site(), site -> new TreeMap<>())
              .merge(file.checkpoint(), rows, Long::sum);
          continue;
        }
        try {
          scalars.open(group);
          for (long i = 0; i < rows; i++, row++) {
            count(scalars, row, counts);
          }
        } catch (Failure e) {
          throw e;
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

    private void count(ScalarColumns scalars, long row, Map<String, Map<Long, Long>> counts) {
      int next = 0;
      String site = file.site();
      Long checkpoint = file.checkpoint();
      if (site == null) {
        ScalarColumns.Cursor cursor = scalars.column(next++);
        site = cursor.isNull() ? null : cursor.text().toStringUsingUTF8();
        cursor.advance();
      }
      if (checkpoint == null) {
        ScalarColumns.Cursor cursor = scalars.column(next);
        checkpoint = cursor.isNull() ? null : cursor.whole();
        cursor.advance();
      }
      if (site == null || checkpoint == null) {
        throw Failure.data(
            "%s, row %d: column '%s' is null; every row has a site and a checkpoint",
            file.location(), row, site == null ? columns.site() : columns.checkpoint());
      }
      counts.computeIfAbsent(site, key -> new TreeMap<>()).merge(checkpoint, 1L, Long::sum);
    }

    private String digest() throws IOException {
      long length = input.getLength();
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
        return HexFormat.of().formatHex(Identity.newDigest().digest(footer));
      }
    }

    @Override
    public void close() throws IOException {
      reader.close();
    }
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
