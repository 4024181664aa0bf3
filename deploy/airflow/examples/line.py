"""The line on one capture, whenever somebody or a schedule asks for it."""

from ontogeny_airflow import ontogeny_dag

line = ontogeny_dag(
    "ontogeny_line",
    "/data/line.conf",
    jar="{{ var.value.ontogeny_jar }}",
    work="/data/run-1",
    overrides={"shard.input": "/data/capture"},
    spark={"conn_id": "spark_default", "conf": {"spark.ui.enabled": "false"}, "env_vars": {"OMP_NUM_THREADS": "1"}},
    tags=["ontogeny"],
)
