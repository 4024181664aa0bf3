package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import org.apache.spark.SecurityManager;
import org.apache.spark.SparkConf;
import org.apache.spark.deploy.k8s.KubernetesConf;
import org.apache.spark.deploy.k8s.SparkPod;
import org.apache.spark.deploy.k8s.submit.JavaMainAppResource;
import org.apache.spark.deploy.k8s.submit.KubernetesDriverBuilder;
import org.apache.spark.internal.config.package$;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.resource.ResourceProfile$;
import org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBuilder;
import org.junit.jupiter.api.Test;
import scala.Option;

/**
 * What Spark makes of {@code deploy/kubernetes}: the pods of a driver and of an executor, as it
 * would send them to a cluster. The manifests of the operator are checked in {@code .ci/run}.
 */
class KubernetesTest {
  private static final String JAR = "local:///opt/ontogeny/ontogeny.jar";

  @Test
  void aDriverHasItsArgumentsSettingsAndKeys() throws IOException {
    try (KubernetesClient client = client()) {
      SparkPod pod =
          new KubernetesDriverBuilder()
              .buildFromFeatures(
                  KubernetesConf.createDriverConf(
                      properties(),
                      "spark-1",
                      new JavaMainAppResource(Option.apply(JAR)),
                      "dev.ontogeny.job.Main",
                      new String[] {"run", "--config", "/etc/ontogeny/line.conf"},
                      Option.empty()),
                  client)
              .pod();
      Container container = pod.container();
      assertThat(container.getImage()).isEqualTo("registry.example.org/ontogeny:0.1.0");
      assertThat(container.getArgs())
          .startsWith("driver", "--properties-file", "/opt/spark/conf/spark.properties")
          .endsWith("dev.ontogeny.job.Main", JAR, "run", "--config", "/etc/ontogeny/line.conf");
      assertThat(container.getVolumeMounts())
          .extracting(VolumeMount::getMountPath)
          .contains("/etc/ontogeny");
      assertThat(container.getEnvFrom())
          .singleElement()
          .satisfies(from -> assertThat(from.getSecretRef().getName()).isEqualTo("ontogeny-s3"));
      assertThat(pod.pod().getSpec().getServiceAccountName()).isEqualTo("ontogeny");
      assertThat(pod.pod().getMetadata().getAnnotations())
          .containsEntry("prometheus.io/path", "/metrics/executors/prometheus");
      isNobody(pod);
      // 2 GiB and a tenth, but 384 MiB at least.
      assertThat(memory(container)).isEqualTo(2048L + 384);
    }
  }

  @Test
  void anExecutorHasRoomBesideItsHeapAndGoesInPeace() throws IOException {
    SparkConf conf = properties();
    conf.set("spark.driver.host", "driver").set("spark.driver.port", "7078");
    conf.set("spark.kubernetes.driver.pod.name", "driver");
    try (KubernetesClient client = client()) {
      SparkPod pod =
          new KubernetesExecutorBuilder()
              .buildFromFeatures(
                  KubernetesConf.createExecutorConf(
                      conf,
                      "1",
                      "spark-1",
                      Option.empty(),
                      ResourceProfile.DEFAULT_RESOURCE_PROFILE_ID()),
                  new SecurityManager(conf, Option.empty(), package$.MODULE$.AUTH_SECRET_FILE()),
                  client,
                  ResourceProfile$.MODULE$.getOrCreateDefaultProfile(conf))
              .pod();
      Container container = pod.container();
      assertThat(container.getArgs()).containsExactly("executor");
      assertThat(memory(container)).isEqualTo(4096L * 7 / 4);
      assertThat(container.getResources().getRequests()).containsEntry("cpu", new Quantity("4"));
      assertThat(container.getLifecycle().getPreStop().getExec().getCommand())
          .as("deploy/docker/Dockerfile puts it there")
          .containsExactly("/opt/decom.sh");
      assertThat(pod.pod().getSpec().getTerminationGracePeriodSeconds()).isEqualTo(120);
      isNobody(pod);
    }
  }

  private static void isNobody(SparkPod pod) {
    Pod all = pod.pod();
    assertThat(all.getSpec().getSecurityContext().getRunAsNonRoot()).isTrue();
    assertThat(pod.container().getSecurityContext().getAllowPrivilegeEscalation()).isFalse();
    assertThat(pod.container().getSecurityContext().getCapabilities().getDrop())
        .containsExactly("ALL");
  }

  /** MiB that Kubernetes lets it have. */
  private static long memory(Container container) {
    Map<String, Quantity> limits = container.getResources().getLimits();
    return Quantity.getAmountInBytes(limits.get("memory")).longValueExact() >> 20;
  }

  /** As {@code --properties-file} reads them, from the root of the checkout. */
  private static SparkConf properties() throws IOException {
    Path root = Documents.ROOT.toAbsolutePath().normalize();
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(root.resolve("deploy/kubernetes/spark.conf"))) {
      properties.load(reader);
    }
    SparkConf conf = new SparkConf(false).set("spark.master", "k8s://https://127.0.0.1:1");
    for (String key : properties.stringPropertyNames()) {
      String value = properties.getProperty(key).strip();
      conf.set(key, key.endsWith("podTemplateFile") ? root.resolve(value).toString() : value);
    }
    return conf.set("spark.app.name", "ontogeny run");
  }

  /** Templates are read by it; nothing is asked of a server. */
  private static KubernetesClient client() {
    return new KubernetesClientBuilder()
        .withConfig(new ConfigBuilder().withMasterUrl("https://127.0.0.1:1").build())
        .build();
  }
}
