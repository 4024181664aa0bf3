package dev.ontogeny.data;

import dev.ontogeny.run.Failure;
import java.io.IOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.TaskContext;

/**
 * Asks S3 once in a process whether anybody answers. Hadoop's client tries every request for
 * minutes, which is right in the middle of work and wrong where the address of the server is: that
 * is told within a minute, after two tries of {@link #SECONDS} at most.
 */
final class StoreProbe {
  /** Hadoop takes no fewer. */
  private static final int SECONDS = 15;

  private static final Set<URI> ASKED = ConcurrentHashMap.newKeySet();

  private StoreProbe() {}

  /**
   * Asks, on the driver only: that executors reach another network than it does is for Spark's
   * retries to find out.
   *
   * @throws Failure of resources, if nobody answers
   */
  static void ask(Path path, Configuration configuration) {
    URI store = URI.create(path.toUri().getScheme() + "://" + path.toUri().getRawAuthority());
    if (!"s3a".equals(store.getScheme()) || TaskContext.get() != null || !ASKED.add(store)) {
      return;
    }
    Configuration soon = new Configuration(configuration);
    soon.setInt("fs.s3a.attempts.maximum", 1);
    soon.setInt("fs.s3a.retry.limit", 1);
    soon.set("fs.s3a.connection.establish.timeout", SECONDS + "s");
    soon.set("fs.s3a.connection.timeout", SECONDS + "s");
    soon.set("fs.s3a.connection.request.timeout", SECONDS + "s");
    try (FileSystem probe = FileSystem.newInstance(store, soon)) {
      var unused = probe.getFileStatus(path);
    } catch (IOException e) {
      String silence = silence(e);
      if (silence != null) {
        ASKED.remove(store);
        String endpoint = configuration.get("fs.s3a.endpoint", "");
        throw Failure.resources(
                "the store of %s does not answer%s: %s: can this machine reach it, and is spark.hadoop.fs.s3a.endpoint right?",
                store, endpoint.isBlank() ? "" : " at " + endpoint, silence)
            .causedBy(e);
      }
      // Somebody answers; what is wrong is told by whoever asks for something.
    }
  }

  /** What shows that nobody answered, in the words of the innermost cause; null if somebody did. */
  private static String silence(Throwable thrown) {
    String silence = null;
    Throwable at = thrown;
    for (int depth = 0; at != null && depth < 50; depth++, at = at.getCause()) {
      String name = at.getClass().getSimpleName();
      if (at instanceof UnknownHostException) {
        silence = "there is no host " + at.getMessage();
      } else if (at instanceof SocketTimeoutException
          || name.equals("ConnectTimeoutException")
          || name.equals("ApiCallTimeoutException")
          || name.equals("ApiCallAttemptTimeoutException")) {
        silence = "no answer within " + SECONDS + " s";
      } else if (at instanceof ConnectException || at instanceof NoRouteToHostException) {
        silence = at.getMessage();
      }
    }
    return silence;
  }
}
