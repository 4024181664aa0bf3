"""DAGs that the tests run beside the examples: small ones, which do not wait long for anything."""

import os
from datetime import timedelta

from ontogeny_airflow import ontogeny_dag

HOME = os.environ["AIRFLOW_HOME"]
SPARK = {"conf": {"spark.ui.enabled": "false"}}
QUICK = {
    "jar": "{{ var.value.ontogeny_jar }}",
    "spark": SPARK,
    "default_args": {"retry_delay": timedelta(seconds=1), "retry_exponential_backoff": 0, "retries": 20},
}

trained = ontogeny_dag("trained", "line.conf", work="work", jobs=["shard", "train"], **QUICK)
sharded = ontogeny_dag("sharded", "line.conf", work="work", jobs=["shard"], **QUICK)
sites = ontogeny_dag("sites", "line.conf", work="work", jobs=["shard"], sites=["blocks.0.hook_resid_post", "blocks.1.hook_resid_post"], **QUICK)
chosen = ontogeny_dag("chosen", "line.conf", kind="rerun", jobs=["shard"], **QUICK)
clustered = ontogeny_dag(
    "clustered",
    "line.conf",
    work="work",
    jobs=["shard"],
    **{**QUICK, "spark": {"conf": {**SPARK["conf"], "spark.master.rest.enabled": "true"}, "conn_id": "spark_cluster", "driver_memory": "600m", "executor_memory": "600m", "executor_cores": 1}},
)
S3A = {
    "access.key": "testing",
    "secret.key": "testing",
    "endpoint": f"http://127.0.0.1:{os.environ['STORE']}",
    "endpoint.region": "us-east-1",
    "path.style.access": "true",
}
stored = ontogeny_dag(
    "stored",
    "line.conf",
    work="work",
    jobs=["shard"],
    storage_conn_id="store",
    **{
        **QUICK,
        # What a Spark as it is distributed lacks to speak to S3.
        "spark": {"packages": "org.apache.hadoop:hadoop-aws:3.4.1", "conf": {**SPARK["conf"], **{f"spark.hadoop.fs.s3a.{key}": value for key, value in S3A.items()}}},
    },
)
poor = ontogeny_dag(
    "poor",
    "line.conf",
    work="work",
    jobs=["shard"],
    **{**QUICK, "spark": {**SPARK, "driver_memory": "300m"}, "default_args": {**QUICK["default_args"], "retries": 1}},
)
landing = ontogeny_dag(
    "landing",
    f"{HOME}/watch/line.conf",
    kind="watch",
    work=f"{HOME}/watch/work",
    capture=f"{HOME}/watch/capture",
    jobs=["shard", "train", "measure"],
    watch={"poke_interval": 1, "timeout": 300},
    **QUICK,
)
