package dev.ontogeny.data;

import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;

/**
 * A published folder against its manifest: reads every file once and compares sizes and checksums.
 */
public final class Verification {
  private Verification() {}

  /** What is wrong, one line per file; empty if all is as it was published. */
  public static List<String> problems(Folder folder, Manifest manifest) {
    return manifest.files().parallelStream()
        .map(file -> problem(folder, file))
        .filter(problem -> !problem.isEmpty())
        .toList();
  }

  private static String problem(Folder folder, PublishedFile file) {
    MessageDigest digest = Identity.newDigest();
    byte[] buffer = new byte[1 << 18];
    long bytes = 0;
    try (InputStream in = folder.open(file.path())) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        digest.update(buffer, 0, read);
        bytes += read;
      }
    } catch (FileNotFoundException e) {
      return file.path() + " does not exist";
    } catch (IOException e) {
      throw Failure.resources("%s cannot be read: %s", folder.resolve(file.path()), e.getMessage())
          .causedBy(e);
    }
    if (bytes != file.bytes()) {
      return file.path() + " has " + bytes + " bytes, the manifest says " + file.bytes();
    }
    return HexFormat.of().formatHex(digest.digest()).equals(file.sha256())
        ? ""
        : file.path() + " has other bytes than were published";
  }
}
