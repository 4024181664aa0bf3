package dev.ontogeny.job.imports;

import dev.ontogeny.data.Folder;
import dev.ontogeny.export.PeerFormat;
import dev.ontogeny.export.PeerFormats;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import java.io.BufferedInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import org.apache.spark.api.java.function.Function;

/** Reads a peer's dictionary, all of it, and tells what it is: what is wrong with it shows here. */
final class LookTask implements Function<ImportSettings.Entry, Found> {
  private static final long serialVersionUID = 1;

  private final Folder input;
  private final String format;

  LookTask(Folder input, String format) {
    this.input = input;
    this.format = format;
  }

  @Override
  public Found call(ImportSettings.Entry entry) throws IOException {
    PeerFormat peer = PeerFormats.of(format);
    Folder folder = folder(input, entry);
    MessageDigest digest = Identity.newDigest();
    for (String file : List.of(peer.configFile(), peer.tensorFile())) {
      read(folder, file, digest);
    }
    return Found.of(entry, HexFormat.of().formatHex(digest.digest()), peer.read(folder));
  }

  /** Where a dictionary lies. */
  static Folder folder(Folder input, ImportSettings.Entry entry) {
    return entry.path().isEmpty() ? input : new Folder(input.resolve(entry.path()));
  }

  private static void read(Folder folder, String file, MessageDigest digest) throws IOException {
    try (InputStream in =
        new DigestInputStream(new BufferedInputStream(folder.open(file), 1 << 20), digest)) {
      in.transferTo(OutputStream.nullOutputStream());
    } catch (FileNotFoundException e) {
      throw Failure.data("%s does not exist", folder.resolve(file)).causedBy(e);
    }
  }
}
