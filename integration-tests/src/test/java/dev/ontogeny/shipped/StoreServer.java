package dev.ontogeny.shipped;

import java.io.IOException;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.gaul.s3proxy.AuthenticationType;
import org.gaul.s3proxy.S3Proxy;
import org.jclouds.ContextBuilder;
import org.jclouds.blobstore.BlobStore;
import org.jclouds.blobstore.BlobStoreContext;
import org.jclouds.blobstore.TransientApiMetadata;

/**
 * An S3 server on a free port of this machine: it keeps its objects in memory and turns away
 * whoever does not sign requests with its key.
 */
final class StoreServer {
  private static final String IDENTITY = "ontogeny";
  private static final String CREDENTIAL = "only for this test";

  private final BlobStoreContext context;
  private final S3Proxy server;

  private StoreServer(BlobStoreContext context, S3Proxy server) {
    this.context = context;
    this.server = server;
  }

  /** Starts one with an empty bucket. */
  static StoreServer start(String bucket) throws Exception {
    BlobStoreContext context =
        ContextBuilder.newBuilder(new TransientApiMetadata()).buildView(BlobStoreContext.class);
    BlobStore objects = context.getBlobStore();
    objects.createContainerInLocation(null, bucket);
    S3Proxy server =
        S3Proxy.builder()
            .blobStore(objects)
            .endpoint(URI.create("http://127.0.0.1:0"))
            .awsAuthentication(AuthenticationType.AWS_V4, IDENTITY, CREDENTIAL)
            .build();
    server.start();
    return new StoreServer(context, server);
  }

  int port() {
    return server.getPort();
  }

  /** What a user says of a server of their own, as Spark's properties. */
  Map<String, String> properties() {
    return properties(port());
  }

  /** The same for those that reach it by another port. */
  Map<String, String> properties(int port) {
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put("spark.hadoop.fs.s3a.endpoint", "http://127.0.0.1:" + port);
    properties.put("spark.hadoop.fs.s3a.path.style.access", "true");
    properties.put("spark.hadoop.fs.s3a.access.key", IDENTITY);
    properties.put("spark.hadoop.fs.s3a.secret.key", CREDENTIAL);
    return properties;
  }

  /** Opens a bucket in this process; whoever asks Hadoop for it afterwards gets the same. */
  FileSystem open(String bucket) throws IOException {
    Configuration configuration = new Configuration();
    properties()
        .forEach((key, value) -> configuration.set(key.substring("spark.hadoop.".length()), value));
    return FileSystem.get(URI.create("s3a://" + bucket), configuration);
  }

  void stop() throws Exception {
    server.stop();
    context.close();
  }
}
