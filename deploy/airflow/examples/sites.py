"""A line and a report for each site: a site that fails does not hold up the others."""

from ontogeny_airflow import ontogeny_dag

sites = ontogeny_dag(
    "ontogeny_sites",
    "/data/line.conf",
    jar="{{ var.value.ontogeny_jar }}",
    work="/data/sites",
    overrides={"shard.input": "/data/capture"},
    sites=["blocks.0.hook_resid_post", "blocks.1.hook_resid_post"],
    max_active_tasks=4,
    tags=["ontogeny"],
)
