package dev.ontogeny.data;

import dev.ontogeny.run.Failure;
import java.io.Closeable;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What the tokens files say of the rows of a block, in arrays. Texts that repeat (documents,
 * tokens, label values) are kept once, as a number per row into a list.
 */
public final class TokenBlock implements Serializable {
  private static final long serialVersionUID = 1;
  private static final int NONE = -1;

  private final RowBlock block;
  private final long[] addresses;
  private final long[] hashes;
  private final int[] positions;
  private final long[] documentNumbers;
  private final String[] documents;
  private final int[] documentOf;
  private final Token[] tokens;
  private final int[] tokenOf;
  private final String[][] labelValues;
  private final int[][] labelOf;

  /** A token as it is published; {@code id} is {@link Long#MIN_VALUE} where there is none. */
  public record Token(long id, String text) implements Serializable, Comparable<Token> {
    /** Where there is no id. */
    public static final long NO_ID = Long.MIN_VALUE;

    private static final Comparator<Token> ORDER =
        Comparator.comparingLong(Token::id)
            .thenComparing(Token::text, Comparator.nullsFirst(Comparator.naturalOrder()));

    /** The text, or the id where there is no text. */
    public String shown() {
      return text == null ? Long.toString(id) : text;
    }

    @Override
    public int compareTo(Token other) {
      return ORDER.compare(this, other);
    }
  }

  /**
   * What the tokens table of a dataset holds.
   *
   * @param numbered whether documents are numbers
   * @param tokenId whether there is a {@code token_id}
   * @param token whether there is a {@code token}
   * @param labels the {@code label_*} columns, sorted
   */
  public record Columns(boolean numbered, boolean tokenId, boolean token, List<String> labels)
      implements Serializable {
    public Columns {
      labels = List.copyOf(labels);
    }

    /** As the first shard has them. */
    public static Columns of(ShardedDataset dataset) throws IOException {
      try (TableReader reader = TableReader.open(dataset.folder(), dataset.tokensFile(0).path())) {
        List<String> columns = reader.columns();
        Object[] first = reader.next();
        return new Columns(
            first != null && first[columns.indexOf("document")] instanceof Long,
            columns.contains("token_id"),
            columns.contains("token"),
            columns.stream().filter(column -> column.startsWith("label_")).sorted().toList());
      }
    }

    /** The type of the documents. */
    public TableSchema.ColumnType documents() {
      return numbered ? TableSchema.ColumnType.LONG : TableSchema.ColumnType.STRING;
    }

    public boolean anyToken() {
      return tokenId || token;
    }
  }

  /** Reads blocks one after another; those that follow each other in a shard are read in one go. */
  public static final class Reader implements Closeable {
    private final ShardedDataset dataset;
    private final Columns columns;
    private final TokenOrder order;
    private final List<String> wanted =
        new ArrayList<>(List.of("document", "position", "token_id", "token"));
    private TableReader reader;
    private int shard = NONE;
    private int next;

    public Reader(ShardedDataset dataset, Columns columns, TokenOrder order) {
      this.dataset = dataset;
      this.columns = columns;
      this.order = order;
      wanted.addAll(columns.labels());
    }

    /** The rows of a block. */
    public TokenBlock read(RowBlock block) throws IOException {
      return new TokenBlock(block, columns, order, this);
    }

    private void seek(RowBlock.Run run) throws IOException {
      if (reader == null || shard != run.shard() || next > run.first()) {
        close();
        shard = run.shard();
        next = 0;
        reader =
            TableReader.open(
                dataset.folder(),
                DatasetTables.TOKENS,
                dataset.tokensFile(shard).path(),
                wanted.toArray(String[]::new));
      }
      while (next < run.first()) {
        row();
      }
    }

    private Object[] row() throws IOException {
      Object[] row = reader.next();
      if (row == null) {
        throw Failure.data(
            "%s has only %d rows, its manifest says %d",
            dataset.folder().resolve(dataset.tokensFile(shard).path()), next, dataset.rows(shard));
      }
      next++;
      return row;
    }

    @Override
    public void close() throws IOException {
      if (reader != null) {
        reader.close();
        reader = null;
      }
    }
  }

  private TokenBlock(RowBlock block, Columns columns, TokenOrder order, Reader reader)
      throws IOException {
    this.block = block;
    int rows = block.rows();
    addresses = new long[rows];
    hashes = new long[rows];
    positions = new int[rows];
    documentNumbers = columns.numbered() ? new long[rows] : null;
    documentOf = columns.numbered() ? null : new int[rows];
    tokenOf = columns.anyToken() ? new int[rows] : null;
    labelOf = new int[columns.labels().size()][rows];
    Numbering<String> documentNumbering = new Numbering<>();
    Numbering<Token> tokenNumbering = new Numbering<>();
    List<Numbering<String>> labelNumberings = new ArrayList<>();
    columns.labels().forEach(label -> labelNumberings.add(new Numbering<>()));
    int at = 0;
    for (RowBlock.Run run : block.runs()) {
      reader.seek(run);
      for (int row = run.first(); row < run.first() + run.count(); row++, at++) {
        Object[] read = reader.row();
        addresses[at] = ((long) run.shard() << 32) | row;
        positions[at] = (Integer) read[1];
        if (columns.numbered()) {
          documentNumbers[at] = (Long) read[0];
          hashes[at] = order.hash(documentNumbers[at], positions[at]);
        } else {
          documentOf[at] = documentNumbering.number((String) read[0]);
          hashes[at] = order.hash((String) read[0], positions[at]);
        }
        if (columns.anyToken()) {
          Object id = read[2];
          Object text = read[3];
          tokenOf[at] =
              id == null && text == null
                  ? NONE
                  : tokenNumbering.number(
                      new Token(
                          id == null ? Token.NO_ID : ((Number) id).longValue(), (String) text));
        }
        for (int label = 0; label < labelOf.length; label++) {
          Object value = read[4 + label];
          labelOf[label][at] =
              value == null ? NONE : labelNumberings.get(label).number(String.valueOf(value));
        }
      }
    }
    documents = documentNumbering.values(new String[0]);
    tokens = columns.anyToken() ? tokenNumbering.values(new Token[0]) : null;
    labelValues = new String[labelOf.length][];
    Arrays.setAll(labelValues, label -> labelNumberings.get(label).values(new String[0]));
  }

  /** Numbers values in the order in which they are first seen. */
  private static final class Numbering<T> {
    private final Map<T, Integer> numbers = new HashMap<>();
    private final List<T> values = new ArrayList<>();

    int number(T value) {
      Integer known = numbers.get(value);
      if (known == null) {
        known = values.size();
        numbers.put(value, known);
        values.add(value);
      }
      return known;
    }

    T[] values(T[] empty) {
      return values.toArray(empty);
    }
  }

  public RowBlock block() {
    return block;
  }

  public int rows() {
    return addresses.length;
  }

  /** (shard, row) of every row: the shard in the upper 32 bits. */
  public long[] addresses() {
    return addresses;
  }

  /** {@link TokenOrder}'s hash of every row, ascending as unsigned numbers within a run. */
  public long[] hashes() {
    return hashes;
  }

  public int position(int row) {
    return positions[row];
  }

  /** {@link Long} or {@link String}, as captured. */
  public Object document(int row) {
    return documents.length == 0 ? (Object) documentNumbers[row] : documents[documentOf[row]];
  }

  /** The hash of another token of a row's document. */
  public long hash(TokenOrder order, int row, int position) {
    return documents.length == 0
        ? order.hash(documentNumbers[row], position)
        : order.hash(documents[documentOf[row]], position);
  }

  /** The different tokens of this block; null where the dataset has none. */
  public Token[] tokens() {
    return tokens;
  }

  /** Of every row the place in {@link #tokens}, -1 for none; null where the dataset has none. */
  public int[] tokenOf() {
    return tokenOf;
  }

  /** Per label the different values of this block. */
  public String[][] labelValues() {
    return labelValues;
  }

  /** Per label and row the place in {@link #labelValues}, -1 for none. */
  public int[][] labelOf() {
    return labelOf;
  }
}
