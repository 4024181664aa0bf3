package dev.ontogeny.shipped;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.simpleName;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.apache.spark.launcher.JavaModuleOptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The order of packages, who may know which library, and what is nowhere done. */
class ArchitectureTest {
  private static final List<String> ORDER =
      List.of(
          "run",
          "matrix",
          "type",
          "dictionary",
          "kernel",
          "data",
          "train",
          "stats",
          "probing",
          "evolution",
          "demo",
          "report",
          "export",
          "spark",
          "job",
          "ml");

  private static JavaClasses ours;

  @BeforeAll
  static void read() {
    ImportOption shipped =
        location -> !location.contains("/test-classes/") && !location.contains("-tests.jar");
    ours =
        new ClassFileImporter().withImportOptions(List.of(shipped)).importPackages("dev.ontogeny");
    assertThat(ours.stream().map(each -> each.getPackageName().split("\\.")[2]))
        .as("packages that are read here, all of them in the order")
        .contains("run", "data", "job")
        .isSubsetOf(ORDER);
  }

  @Test
  void aPackageImportsOnlyPackagesAboveIt() {
    for (int i = 0; i < ORDER.size() - 1; i++) {
      String[] below =
          ORDER.subList(i + 1, ORDER.size()).stream()
              .map(ArchitectureTest::packageOf)
              .toArray(String[]::new);
      noClasses()
          .that()
          .resideInAPackage(packageOf(ORDER.get(i)))
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(below)
          .allowEmptyShould(true)
          .check(ours);
    }
  }

  @Test
  void aJobIsKnownByItsDoorAlone() {
    List<String> jobs =
        List.of(
            "shard",
            "train",
            "measure",
            "evolve",
            "report",
            "export",
            "imports",
            "demo",
            "benchmark");
    assertThat(
            ours.stream()
                .map(JavaClass::getPackageName)
                .filter(each -> each.startsWith("dev.ontogeny.job."))
                .distinct())
        .containsExactlyInAnyOrderElementsOf(
            jobs.stream().map(job -> "dev.ontogeny.job." + job).toList());
    for (String job : jobs) {
      String room = "dev.ontogeny.job." + job;
      noClasses()
          .that()
          .resideOutsideOfPackage(room)
          .should()
          .dependOnClassesThat(
              resideInAPackage(room)
                  .and(
                      not(
                          simpleName(
                              job.substring(0, 1).toUpperCase(Locale.ROOT) + job.substring(1)))))
          .check(ours);
      // Of the jobs none knows another: what two need is in spark or in common.
      noClasses()
          .that()
          .resideInAPackage(room)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              jobs.stream()
                  .filter(other -> !other.equals(job))
                  .map(other -> "dev.ontogeny.job." + other)
                  .toArray(String[]::new))
          .check(ours);
    }
  }

  @Test
  void aProviderIsKnownToItsFacadeAlone() {
    for (String provider : List.of("cpu", "cuda", "nd4j", "reference")) {
      String room = "dev.ontogeny.kernel." + provider;
      noClasses()
          .that()
          .resideOutsideOfPackage(room)
          .and()
          .doNotHaveFullyQualifiedName("dev.ontogeny.kernel.Kernels")
          .should()
          .dependOnClassesThat(
              resideInAPackage(room)
                  // Loops over rows that statistics share with it, and what a benchmark tells of
                  // it.
                  .and(not(nameMatching(".*\\.(RowLoops|BlockMoments|MachineCeilings)(\\$.*)?"))))
          .check(ours);
    }
  }

  /** What a type is stands in its file: everybody else asks the registry, or does parts. */
  @Test
  void nobodyAsksForATypeByItsClass() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.ontogeny.type")
        .should()
        .dependOnClassesThat(
            resideInAPackage("dev.ontogeny.type")
                .and(assignableTo("dev.ontogeny.type.TypeSettings"))
                .and(not(simpleName("TypeSettings")))
                // Baselines: who calls MLlib tells them apart, and types know nothing of Spark.
                .and(not(assignableTo("dev.ontogeny.type.Fitted")))
                // The plain one, which directions drawn at random are until their own type is set.
                .and(not(simpleName("TopK"))))
        .check(ours);
  }

  @Test
  void librariesStayWhereTheyBelong() {
    only("Spark", List.of("data", "spark", "job", "ml"), "org.apache.spark..");
    only("Spark ML", List.of("job", "ml"), "org.apache.spark.ml..");
    only("Hadoop", List.of("data", "spark"), "org.apache.hadoop..");
    only("Parquet", List.of("data"), "org.apache.parquet..");
    only(
        "ND4J, JavaCPP and SIMD",
        List.of("kernel", "demo"),
        "org.nd4j..",
        "org.deeplearning4j..",
        "org.bytedeco..",
        "jdk.incubator..");
    only("picocli", List.of("job"), "picocli..");
    only("typesafe-config", List.of("run", "job"), "com.typesafe.config..");
  }

  @Test
  void namesSayWhatAThingIs() {
    classes()
        .should()
        .haveNameNotMatching(".*\\.[A-Za-z$]*(Utils?|Helpers?|Manager|Common|Impl|Misc)(\\$.*)?")
        .check(ours);
  }

  @Test
  void onlyTheCommandLineSpeaksAndEndsTheProcess() {
    noClasses()
        .that()
        .doNotHaveFullyQualifiedName("dev.ontogeny.job.Terminal")
        .should()
        .accessField(System.class, "out")
        .orShould()
        .accessField(System.class, "err")
        .check(ours);
    noClasses()
        .that()
        .doNotHaveFullyQualifiedName("dev.ontogeny.job.Main")
        .should()
        .callMethod(System.class, "exit", int.class)
        .check(ours);
  }

  @Test
  void randomnessComesFromNames() {
    noClasses()
        .that()
        // Names its scratch files so that two attempts at a task never write the same one.
        .doNotHaveFullyQualifiedName("dev.ontogeny.train.StateStore")
        .and()
        // Names a run, as no other run is named; no name of a file is part of a result.
        .doNotHaveFullyQualifiedName("dev.ontogeny.data.Publication")
        .should()
        .dependOnClassesThat()
        .haveFullyQualifiedName("java.util.Random")
        .orShould()
        .dependOnClassesThat()
        .haveFullyQualifiedName("java.util.concurrent.ThreadLocalRandom")
        .orShould()
        .callMethod(Math.class, "random")
        .orShould()
        .callMethod(java.util.UUID.class, "randomUUID")
        .check(ours);
  }

  @Test
  void everyPackageIsExplained() throws Exception {
    for (String module : List.of("common", "jobs")) {
      Path sources = Path.of("..", module, "src/main/java/dev/ontogeny");
      try (Stream<Path> packages = Files.walk(sources)) {
        assertThat(packages.filter(each -> Files.isDirectory(each) && !each.equals(sources)))
            .allSatisfy(each -> assertThat(each.resolve("package-info.java")).exists());
      }
    }
  }

  @Test
  void ourJavaOptionsAreSparks() {
    List<String> ours = List.of(System.getProperty("ontogeny.jvm.args").split(" "));
    assertThat(ours)
        .containsExactlyInAnyOrderElementsOf(
            Arrays.asList(JavaModuleOptions.defaultModuleOptions().strip().split(" ")));
  }

  private static void only(String library, List<String> packages, String... classes) {
    String[] allowed = packages.stream().map(ArchitectureTest::packageOf).toArray(String[]::new);
    noClasses()
        .that()
        .resideOutsideOfPackages(allowed)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(classes)
        .as(library + " only in " + packages)
        .allowEmptyShould(true)
        .check(ours);
  }

  private static String packageOf(String name) {
    return "dev.ontogeny." + name + "..";
  }
}
