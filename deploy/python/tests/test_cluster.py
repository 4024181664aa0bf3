"""The jar on executors that are JVMs of their own."""

import os
import subprocess
import sys

PROGRAM = """
import sys
import ontogeny
from pyspark.ml.functions import array_to_vector
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, expr
from ontogeny.ml import DictionaryEvaluator, FeatureStatistics, SparseDictionary

spark = (
    SparkSession.builder.master("local-cluster[2,1,1024]").config("spark.jars", ontogeny.jar()).config("spark.ui.enabled", "false")
    .config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1").config("spark.sql.shuffle.partitions", "3").getOrCreate()
)
rows = spark.range(0, 600, 1, 4).select(expr("transform(sequence(0, 7), i -> cast(pmod(hash(id, i), 1000) as double))").alias("list"))
rows = rows.select(array_to_vector("list").alias("features"))
estimator = SparseDictionary(width=24, k=4, epochs=2, batch=64, settings="shard { shards = 4 }", reconstructionCol="reconstruction")
try:
    estimator.fit(rows)
except Exception as e:
    print(e)
spark.sparkContext.setCheckpointDir(sys.argv[1] + "/checkpoints")
model = estimator.fit(rows)
codes = model.transform(rows)
print(codes.where("codes is not null").count(), DictionaryEvaluator(metricName="l0").evaluate(codes) <= 4)
print(FeatureStatistics(model, sys.argv[1] + "/features").of(rows).count())
model.save(sys.argv[1] + "/model")
"""


def test_a_fit_on_executors(tmp_path):
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"})
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "set workingFolder, or the session's checkpoint directory; master is local-cluster[2,1,1024]" in lines[0]
    assert lines[-2:] == ["600 True", "24"]
    # Nothing of the fits stays; Spark itself has made a folder of its own there.
    assert not list((tmp_path / "checkpoints").glob("*/ontogeny-*"))
