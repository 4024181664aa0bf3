"""Chosen sites and checkpoints again, with other settings, into a new folder: its parameters are asked for when it is triggered."""

from ontogeny_airflow import ontogeny_dag

rerun = ontogeny_dag(
    "ontogeny_rerun",
    "/data/line.conf",
    kind="rerun",
    jar="{{ var.value.ontogeny_jar }}",
    overrides={"shard.input": "/data/capture"},
    tags=["ontogeny"],
)
