package dev.ontogeny.job;

import dev.ontogeny.data.StoreException;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import java.io.IOException;
import java.io.ObjectStreamException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.file.AccessDeniedException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.SparkException;

/**
 * What is said of an exception that reached {@link Main}: expected failures as they are, what the
 * machine or the store did as resources, everything else as a bug.
 */
public record Diagnosis(FailureKind kind, String message) {
  private static final Pattern LOST_EXECUTOR =
      Pattern.compile("ExecutorLostFailure|Lost executor|Executor heartbeat timed out");
  private static final Pattern TOO_LITTLE =
      Pattern.compile("(System|Executor) memory \\d+ must be at least (\\d+)");

  /** What libraries say that unpack their native part on first use, and a JVM where that failed. */
  private static final Pattern NATIVE_PART =
      Pattern.compile(
          "Cannot unpack lib[^\\n]*|Could not initialize class (com\\.github\\.luben\\.zstd|net\\.jpountz|org\\.xerial\\.snappy|org\\.bytedeco|org\\.nd4j)\\S*");

  private static final Set<String> STORE_CLIENTS =
      Set.of("SdkClientException", "AwsServiceIOException", "AWSClientIOException");

  static Diagnosis of(Throwable thrown) {
    List<Throwable> chain = chain(thrown);
    for (Throwable each : chain) {
      String message = String.valueOf(each.getMessage());
      if (each.getClass().getSimpleName().equals("UnsupportedFileSystemException")
          || message.contains("S3AFileSystem not found")) {
        return new Diagnosis(
            FailureKind.SETTINGS,
            firstLine(message)
                + ": this Spark cannot read such paths; for s3a:// add hadoop-aws to it, for instance by --packages org.apache.hadoop:hadoop-aws:3.4.1");
      }
    }
    var failure = Failure.in(thrown);
    if (failure.isPresent()) {
      return new Diagnosis(failure.get().kind(), inPlainWords(failure.get()));
    }
    for (Throwable each : chain) {
      String text = resources(each);
      if (text != null) {
        return new Diagnosis(FailureKind.RESOURCES, text);
      }
    }
    for (Throwable each : chain) {
      // What is wrong with a file is told as a failure of data, where it is read.
      if (each instanceof IOException && !(each instanceof ObjectStreamException)) {
        return new Diagnosis(
            FailureKind.RESOURCES,
            (each instanceof StoreException ? "" : each.getClass().getSimpleName() + ": ")
                + firstLine(String.valueOf(each.getMessage())));
      }
    }
    return new Diagnosis(FailureKind.INTERNAL, thrown.toString());
  }

  /**
   * The message of an expected failure, with S3's page of a reply in it said in a few words. Known
   * by their names, since S3's client need not be there.
   */
  private static String inPlainWords(Failure failure) {
    String message = failure.getMessage();
    for (Throwable each : chain(failure)) {
      String reply = String.valueOf(each.getMessage());
      String name = each.getClass().getSimpleName();
      String words =
          name.equals("UnknownStoreException")
              ? "there is no such bucket"
              : name.equals("NoAuthWithAWSException") || reply.contains("NoAuthWithAWSException")
                  ? "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or spark.hadoop.fs.s3a.access.key and .secret.key"
                  : each instanceof AccessDeniedException && reply.contains("Service: S3")
                      ? "the store refuses these credentials, or they may not do that"
                      : null;
      if (words != null && each != failure && message.contains(reply)) {
        return message.replace(reply, words);
      }
    }
    return message;
  }

  private static String resources(Throwable thrown) {
    String message = String.valueOf(thrown.getMessage());
    if (thrown instanceof OutOfMemoryError || message.contains("java.lang.OutOfMemoryError")) {
      return "out of memory ("
          + firstLine(thrown instanceof OutOfMemoryError ? message : "in a task")
          + "): give the driver more by --driver-memory, executors by --conf spark.executor.memory=…, or ask for fewer things at once";
    }
    Matcher little = TOO_LITTLE.matcher(message);
    if (little.find()) {
      long needed = (Long.parseLong(little.group(2)) >> 20) + 1;
      return String.format(
          Locale.ROOT,
          "too little memory: Spark needs %d MiB at least; use %s",
          needed,
          little.group(1).equals("System")
              ? "--driver-memory " + needed + "m or more"
              : "--conf spark.executor.memory=" + needed + "m or more");
    }
    if (thrown instanceof SparkException && LOST_EXECUTOR.matcher(message).find()) {
      return "executors were lost, most often for want of memory ("
          + firstLine(message)
          + "): give them more by --conf spark.executor.memory=… and --conf spark.executor.memoryOverhead=…";
    }
    if (thrown instanceof SparkException && message.contains("SparkContext was shut down")) {
      return "Spark was ended while it worked, from outside (a signal, a machine that was reclaimed) or because too many executors were lost: the log above says which; the same command goes on where it was";
    }
    if (message.contains("No space left on device")) {
      return "the disk is full: "
          + firstLine(message)
          + "; spark.local.dir chooses another one for shuffles";
    }
    Matcher nativePart = NATIVE_PART.matcher(message);
    if (nativePart.find()) {
      return "native code could not be unpacked ("
          + nativePart.group()
          + "): most often the folder of temporary files is full or may not be written to; -Djava.io.tmpdir chooses another";
    }
    if (thrown instanceof UnknownHostException
        || thrown instanceof ConnectException
        || thrown instanceof NoRouteToHostException
        || thrown instanceof SocketTimeoutException
        || STORE_CLIENTS.contains(thrown.getClass().getSimpleName())) {
      return "a store or host cannot be reached: "
          + thrown.getClass().getSimpleName()
          + ": "
          + firstLine(message);
    }
    if (thrown instanceof AccessDeniedException
        || thrown.getClass().getSimpleName().equals("AccessControlException")
        || (thrown instanceof IOException
            && (message.contains("Permission denied") || message.contains("Mkdirs failed")))) {
      return "no permission: " + firstLine(message);
    }
    return null;
  }

  private static List<Throwable> chain(Throwable thrown) {
    List<Throwable> chain = new ArrayList<>();
    for (Throwable at = thrown; at != null && chain.size() < 50; at = at.getCause()) {
      chain.add(at);
    }
    return chain;
  }

  private static String firstLine(String text) {
    return text.strip().lines().findFirst().orElse("");
  }

  /** The last line on standard error. */
  String line() {
    return "ontogeny: "
        + kind.name().toLowerCase(Locale.ROOT)
        + ": "
        + message.strip().replaceAll("\\s*\\R\\s*", " ");
  }
}
