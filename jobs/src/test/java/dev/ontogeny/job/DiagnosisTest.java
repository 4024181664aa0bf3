package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.run.Failure;
import java.io.IOException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.nio.file.AccessDeniedException;
import org.apache.spark.SparkException;
import org.junit.jupiter.api.Test;

class DiagnosisTest {
  @Test
  void expectedFailuresAreToldAsTheyAre() {
    assertLine(
        new SparkException("Job aborted", Failure.data("row 3\n is  empty")),
        "ontogeny: data: row 3 is  empty");
    assertLine(Failure.usage("what?"), "ontogeny: usage: what?");
  }

  @Test
  void wantOfMemory() {
    String advice =
        "): give the driver more by --driver-memory, executors by --conf spark.executor.memory=…, or ask for fewer things at once";
    assertLine(
        new OutOfMemoryError("Java heap space"),
        "ontogeny: resources: out of memory (Java heap space" + advice);
    assertLine(
        new SparkException(
            "Job aborted due to stage failure: Task 0 … java.lang.OutOfMemoryError: GC overhead"),
        "ontogeny: resources: out of memory (in a task" + advice);
    assertLine(
        new IllegalArgumentException(
            "System memory 314572800 must be at least 471859200. Please increase heap size"),
        "ontogeny: resources: too little memory: Spark needs 451 MiB at least; use --driver-memory 451m or more");
    assertLine(
        new IllegalArgumentException(
            "Executor memory 314572800 must be at least 471859200. Please increase"),
        "ontogeny: resources: too little memory: Spark needs 451 MiB at least; use --conf spark.executor.memory=451m or more");
    assertLine(
        new SparkException(
            "Job aborted due to stage failure: ExecutorLostFailure (executor 1 exited, code 137)\nDriver stacktrace:"),
        "ontogeny: resources: executors were lost, most often for want of memory (Job aborted due to stage failure: ExecutorLostFailure (executor 1 exited, code 137)): give them more by --conf spark.executor.memory=… and --conf spark.executor.memoryOverhead=…");
  }

  @Test
  void aLibraryThatFoundNoRoomForItsNativePart() {
    String advice =
        "): most often the folder of temporary files is full or may not be written to; -Djava.io.tmpdir chooses another";
    assertLine(
        new ExceptionInInitializerError("Cannot unpack libzstd-jni-1.5.6-9: File too large"),
        "ontogeny: resources: native code could not be unpacked (Cannot unpack libzstd-jni-1.5.6-9: File too large"
            + advice);
    assertLine(
        new SparkException(
            "Job aborted due to stage failure: Task 0 … java.lang.NoClassDefFoundError: Could not initialize class com.github.luben.zstd.RecyclingBufferPool\n\tat x"),
        "ontogeny: resources: native code could not be unpacked (Could not initialize class com.github.luben.zstd.RecyclingBufferPool"
            + advice);
  }

  @Test
  void anEndFromOutside() {
    assertLine(
        new SparkException("Job 4 cancelled because SparkContext was shut down"),
        "ontogeny: resources: Spark was ended while it worked, from outside (a signal, a machine that was reclaimed) or because too many executors were lost: the log above says which; the same command goes on where it was");
  }

  @Test
  void disksStoresAndPermissions() {
    assertLine(
        new RuntimeException("x", new IOException("No space left on device")),
        "ontogeny: resources: the disk is full: No space left on device; spark.local.dir chooses another one for shuffles");
    assertLine(
        new IOException("x", new UnknownHostException("s3.nowhere")),
        "ontogeny: resources: a store or host cannot be reached: UnknownHostException: s3.nowhere");
    assertLine(
        new ConnectException("refused"),
        "ontogeny: resources: a store or host cannot be reached: ConnectException: refused");
    assertLine(new AccessDeniedException("/data/x"), "ontogeny: resources: no permission: /data/x");
    assertLine(
        new IOException("Mkdirs failed to create file:/proc/x"),
        "ontogeny: resources: no permission: Mkdirs failed to create file:/proc/x");
    assertLine(
        new RuntimeException("x", new javax.net.ssl.SSLException("handshake")),
        "ontogeny: resources: SSLException: handshake");
    assertThat(Diagnosis.of(new java.io.NotSerializableException("dev.ontogeny.job.X")).line())
        .startsWith("ontogeny: internal: ");
    assertThat(
            Diagnosis.of(
                    new org.apache.hadoop.fs.UnsupportedFileSystemException(
                        "No FileSystem for scheme \"s3\""))
                .line())
        .startsWith("ontogeny: settings: No FileSystem for scheme \"s3\": this Spark cannot read")
        .contains("s3a://");
  }

  @Test
  void aRefusalOfS3IsToldInAFewWords() {
    AccessDeniedException refused =
        new AccessDeniedException(
            "s3a://bucket/x", null, "S3Exception: null (Service: S3, Status Code: 403)");
    assertLine(
        Failure.resources("input x cannot be listed: %s", refused.getMessage()).causedBy(refused),
        "ontogeny: resources: input x cannot be listed: the store refuses these credentials, or they may not do that");
    AccessDeniedException nobody =
        new AccessDeniedException(
            "bucket", null, "NoAuthWithAWSException: No AWS Credentials provided by Simple…");
    assertLine(
        Failure.resources("input x cannot be listed: %s", nobody.getMessage()).causedBy(nobody),
        "ontogeny: resources: input x cannot be listed: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or spark.hadoop.fs.s3a.access.key and .secret.key");
    AccessDeniedException file = new AccessDeniedException("/data/x");
    assertLine(
        Failure.resources("output %s cannot be written to", file.getMessage()).causedBy(file),
        "ontogeny: resources: output /data/x cannot be written to");
  }

  @Test
  void everythingElseIsABug() {
    assertLine(
        new IllegalStateException("three\nlines\n of it"),
        "ontogeny: internal: java.lang.IllegalStateException: three lines of it");
    assertLine(new NullPointerException(), "ontogeny: internal: java.lang.NullPointerException");
  }

  private static void assertLine(Throwable thrown, String line) {
    assertThat(Diagnosis.of(thrown).line()).isEqualTo(line);
  }
}
