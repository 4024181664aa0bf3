"""The line as DAGs of one task per job."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import DAG, Asset, Param, TaskGroup, chain, get_current_context, task

from ontogeny_airflow.operator import JOBS, OntogenyOperator, report_address
from ontogeny_airflow.sensor import ManifestSensor

RETRIES = {"retries": 5, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": 2, "max_retry_delay": timedelta(hours=1)}
CONFIG = "{{ params.pipeline }}"
READ_DATASET = ("train", "measure", "evolve", "report")
CONTINUE = ("train", "measure", "evolve")


def ontogeny_dag(
    dag_id: str,
    pipeline: str,
    *,
    jar: str,
    kind: str = "line",
    work: str | None = None,
    capture: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    sites: Sequence[str] = (),
    jobs: Sequence[str] = tuple(JOBS),
    spark: Mapping[str, Any] | None = None,
    storage_conn_id: str | None = None,
    watch: Mapping[str, Any] | None = None,
    asset: Asset | None = None,
    **dag: Any,
) -> DAG:
    """
    A DAG of one task per job, so that a retried task does only its job again. Its last task checks every manifest, pushes the
    summaries and the reports' addresses, and emits an event of `asset` that has them as `extra`.

    line: the whole line into `work`. watch: the same for every checkpoint N that lands in `capture`, over all that landed up to it,
    one at a time and at the cost of N: the dataset `work/dataset` gains it, and everything else is published into `work/N`, with
    the dictionaries of the run before, their features and lineage taken over. rerun: the line of chosen sites and checkpoints into a new
    folder, which its parameters name.

    :param pipeline: pipeline file, where the driver finds it; a parameter of a run, as are `work` and `overrides`.
    :param jar: Ontogeny's jar, where spark-submit finds it.
    :param overrides: settings over the file's, as `--set` takes them.
    :param sites: a task group with a line and a report of its own for each, into `work/SITE`; none for one line over all.
    :param jobs: those that a task is made for, in their order; the pipeline's other sections are left out.
    :param spark: parameters of SparkSubmitOperator for every job: `conn_id`, `conf`, `properties_file`, `driver_memory` …
    :param storage_conn_id: connection by which Airflow reads the object store that `work` and `capture` lie in.
    :param watch: further parameters of ManifestSensor: `markers`, `first`, `poke_interval`, `timeout` …
    :param asset: what the last task emits an event of; by default one that is named like the DAG.
    :param dag: parameters of DAG: `schedule`, `start_date`, `tags`, `default_args` …
    """
    if kind not in ("line", "watch", "rerun"):
        raise ValueError(f"{dag_id}: kind is '{kind}', it must be line, watch or rerun")
    if (kind == "watch" and not (work and capture)) or (kind == "line" and not work):
        raise ValueError(f"{dag_id}: kind {kind} needs work{' and capture' if kind == 'watch' else ''}")
    if not jobs or set(jobs) - set(JOBS):
        raise ValueError(f"{dag_id}: jobs are {list(jobs)}, they must be some of {', '.join(JOBS)}")
    asset = asset or Asset(name=dag_id)
    params = {
        "pipeline": Param(pipeline, type="string", description="Pipeline file, where the driver finds it"),
        "work": Param(*filter(None, [work]), type="string", description="Folder that holds everything that is published"),
        "overrides": Param({}, type="object", description="Settings over those of the file: key and value"),
    }
    if capture:
        params["capture"] = Param(capture, type="string", description="Folder that checkpoints land in")
    if kind == "rerun":
        params["sites"] = Param(None, type=["null", "array"], items={"type": "string"}, description="Only these sites")
        params["checkpoints"] = Param(None, type=["null", "array"], items={"type": "integer"}, description="Only these checkpoints")
    dag["default_args"] = {**RETRIES, **dag.get("default_args", {})}
    if kind != "rerun":
        dag.setdefault("max_active_runs", 1)
    if kind == "watch":
        # Without a start in the past Airflow gives the second run the date of the first, and never begins it.
        dag.setdefault("start_date", datetime(2020, 1, 1, tzinfo=timezone.utc))
        dag.setdefault("schedule", "@continuous")
        dag.setdefault("max_consecutive_failed_dag_runs", 3)

    @task
    def settings(site: str | None = None, found: dict[str, Any] | None = None) -> dict[str, Any]:
        """What this run sets over the pipeline file, the chosen work folder included."""
        given = get_current_context()["params"]
        chosen = {**(overrides or {}), **given["overrides"], "work": given["work"].rstrip("/")}
        chosen.update({f"shard.{key}": given[key] for key in ("sites", "checkpoints") if given.get(key)})
        if site:
            chosen["shard.sites"] = [site]
        if found:
            dataset = folder(chosen["work"], None, site) + "/dataset"
            chosen.update({"shard.input": [found["input"]], "shard.output": dataset, "shard.extend": True})
            chosen.update({f"{job}.dataset": dataset for job in READ_DATASET})
            if found["previous"] is not None:
                before = folder(chosen["work"], found["previous"], site)
                chosen.update({f"{job}.continue-from": f"{before}/{JOBS[job]}" for job in CONTINUE})
        chosen["work"] = folder(chosen["work"], found and found["checkpoint"], site)
        return chosen

    @task(outlets=[asset])
    def published(lines: list[list[dict[str, Any]]], *, outlet_events) -> dict[str, Any]:
        """What this run published, as the manifests have it."""
        results = [[result for job in line for result in job["results"]] for line in lines]
        told = {"results": sum(results, []), "reports": [report_address(line, storage_conn_id) for line in results]}
        outlet_events[asset].extra = {"reports": told["reports"], "folders": [result["output"] for result in told["results"]]}
        return told

    def line(site: str | None = None, found=None) -> list[Any]:
        chosen = settings(site, found)
        submit = {"jar": jar, "work": chosen["work"], "config": CONFIG, "overrides": chosen, "storage_conn_id": storage_conn_id, **(spark or {})}
        plan = OntogenyOperator(task_id="plan", jobs=jobs, dry_run=True, **submit)
        tasks = [OntogenyOperator(task_id=job, jobs=[job], **submit) for job in jobs]
        chain(plan, *tasks)
        return [each.output for each in tasks]

    with DAG(dag_id, params=params, **dag) as made:
        found = None
        if kind == "watch":
            last = [folder("{{ params.work.rstrip('/') }}", "{checkpoint}", site) + f"/{JOBS[jobs[-1]]}" for site in sites or (None,)]
            waits = {"folder": "{{ params.capture }}", "published": last, "sites": sites, "storage_conn_id": storage_conn_id, **(watch or {})}
            found = ManifestSensor(task_id="next_checkpoint", **waits).output
        lines = []
        for site in sites:
            with TaskGroup(safe(site)):
                lines.append(line(site, found))
        published(lines or [line(None, found)])
    return made


def folder(work: str, checkpoint: Any, site: str | None) -> str:
    """Where the line over the checkpoints up to one, or of one site, publishes."""
    return "/".join([work, *([str(checkpoint)] if checkpoint is not None else []), *([safe(site)] if site else [])])


def safe(name: str) -> str:
    """A name of a site as that of a folder and of a task group."""
    return re.sub(r"[^\w-]", "_", name)
