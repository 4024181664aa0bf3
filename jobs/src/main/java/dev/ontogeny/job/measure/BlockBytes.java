package dev.ontogeny.job.measure;

import dev.ontogeny.data.TokenBlock;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;

/**
 * What is kept on local disks of a block of rows: its tokens, its codes with a dictionary, or
 * statistics of its rows at a source, as bytes. Java's streams hold on to everything that passed
 * through them for a hundred records, so records are cut into pieces.
 *
 * @param block of rows
 * @param dictionary its number in the unit, {@link #TOKENS} for the tokens, and what {@link
 *     #ofSource} makes of a source's number
 * @param part from 0 on
 * @param parts how many there are
 */
record BlockBytes(int block, int dictionary, int part, int parts, byte[] bytes)
    implements Serializable {
  /** In place of a dictionary. */
  static final int TOKENS = -1;

  private static final int SIZE = 1 << 18;

  /** In place of a dictionary, for a source of the unit; it is its own inverse. */
  static int ofSource(int number) {
    return TOKENS - 1 - number;
  }

  /** All pieces put together. */
  record Whole(int block, int dictionary, byte[] bytes) {
    /** The tokens of the block. */
    TokenBlock tokens() {
      try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes))) {
        return (TokenBlock) in.readObject();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (ClassNotFoundException e) {
        throw new LinkageError("a class that was written is not there", e);
      }
    }
  }

  /** Cuts bytes into pieces. */
  static List<BlockBytes> cut(int block, int dictionary, byte[] bytes) {
    int parts = Math.max(1, (bytes.length + SIZE - 1) / SIZE);
    List<BlockBytes> pieces = new ArrayList<>();
    for (int part = 0; part < parts; part++) {
      pieces.add(
          new BlockBytes(
              block,
              dictionary,
              part,
              parts,
              Arrays.copyOfRange(bytes, part * SIZE, Math.min(bytes.length, (part + 1) * SIZE))));
    }
    return pieces;
  }

  /** The tokens of a block in pieces. */
  static List<BlockBytes> cut(TokenBlock tokens) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(tokens);
    }
    return cut(tokens.block().index(), TOKENS, bytes.toByteArray());
  }

  /** The next whole; there must be one. */
  static Whole next(Iterator<BlockBytes> pieces) {
    BlockBytes piece = pieces.next();
    if (piece.parts() == 1) {
      return new Whole(piece.block(), piece.dictionary(), piece.bytes());
    }
    byte[] bytes = new byte[Math.multiplyExact(piece.parts(), SIZE)];
    int filled = 0;
    for (int part = 0; ; piece = pieces.next()) {
      System.arraycopy(piece.bytes(), 0, bytes, filled, piece.bytes().length);
      filled += piece.bytes().length;
      if (++part == piece.parts()) {
        return new Whole(piece.block(), piece.dictionary(), Arrays.copyOf(bytes, filled));
      }
    }
  }
}
