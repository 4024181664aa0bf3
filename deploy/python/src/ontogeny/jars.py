"""Where the jar is."""

import os
import pathlib

from .failures import OntogenyError


def jar() -> str:
    """The jar for `spark.jars`: ONTOGENY_JAR if it is set, else the one that this package was installed with.

    >>> jar().endswith("-spark.jar")
    True
    """
    named = os.environ.get("ONTOGENY_JAR")
    if named:
        return named
    found = sorted((pathlib.Path(__file__).parent / "jars").glob("ontogeny-jobs-*-spark.jar"))
    if not found:
        raise OntogenyError(
            "this package was installed without the jar: build it with `mvn package -DskipTests` and install again, or set ONTOGENY_JAR to the path of"
            " ontogeny-jobs-VERSION-spark.jar"
        )
    return str(found[-1])
