"""While a model trains: the line over all checkpoints that have landed, each time that another one has."""

from datetime import timedelta

from ontogeny_airflow import ontogeny_dag

watch = ontogeny_dag(
    "ontogeny_watch",
    "/data/line.conf",
    kind="watch",
    jar="{{ var.value.ontogeny_jar }}",
    work="/data/watch",
    capture="/data/capture",
    watch={"markers": ["_SUCCESS"], "first": 1000, "poke_interval": 60, "timeout": timedelta(days=2)},
    tags=["ontogeny"],
)
