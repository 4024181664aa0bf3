"""A session with the jar, rows of sums of a few directions, and what a fit of them has published."""

import os
import pathlib

import numpy as np
import pytest

import ontogeny

collect_ignore = ["setup.py", "build"]

ROOT = pathlib.Path(__file__).resolve().parents[2]
# For the Pythons that tests start.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(pathlib.Path(__file__).parent / "src"), os.environ.get("PYTHONPATH"))))
os.environ.setdefault("ONTOGENY_JAR", str(next((ROOT / "jobs" / "target").glob("ontogeny-jobs-*-spark.jar"), "")))


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.jars", ontogeny.jar())
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "3")
        .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture(scope="session")
def rows(spark):
    from pyspark.ml.functions import array_to_vector
    from pyspark.sql import functions as f

    random = np.random.default_rng(3)
    directions = random.normal(size=(12, 8))
    chosen = random.integers(12, size=(600, 2))
    vectors = 10 + directions[chosen[:, 0]] * random.uniform(1, 2, size=(600, 1)) + directions[chosen[:, 1]]
    plain = spark.createDataFrame([(i, [float(x) for x in v], "ab"[c]) for i, (v, c) in enumerate(zip(vectors, chosen[:, 0] % 2))], "id long, list array<double>, label_side string")
    return plain.withColumn("features", array_to_vector("list")).withColumn("half", f.slice("list", 1, 4)).cache()


@pytest.fixture(scope="session")
def fitted(rows):
    from ontogeny.ml import SparseDictionary

    return SparseDictionary(width=24, k=2, epochs=5, batch=64, settings="shard { shards = 4 }").fit(rows)


@pytest.fixture(scope="session")
def folder(fitted, rows, tmp_path_factory):
    """A saved model, with statistics of its features beside it."""
    from ontogeny.ml import FeatureStatistics

    place = tmp_path_factory.mktemp("saved") / "model"
    fitted.save(str(place))
    FeatureStatistics(fitted, str(place / "features")).of(rows)
    return place


@pytest.fixture(autouse=True)
def names_of_doctests(request, doctest_namespace, tmp_path):
    """What docstrings take for granted."""
    if request.node.__class__.__name__ != "DoctestItem":
        return
    doctest_namespace.update(ontogeny=ontogeny, output=tmp_path / "output")
    for name in ("spark", "rows", "folder"):
        doctest_namespace[name] = request.getfixturevalue(name)
