"""One command of Ontogeny as a task."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from ontogeny_airflow.places import manifest, place, read_json

# Every job of the line in its order, and the folder below `work` that it publishes.
JOBS = {"shard": "dataset", "train": "dictionaries", "measure": "features", "evolve": "evolution", "report": "report"}

# Whoever tries these again gets the same answer: somebody has to change the command, the settings, the data or the program.
FINAL = {"usage", "settings", "data", "internal"}


class OntogenyOperator(SparkSubmitOperator):
    """
    Submits a command of Ontogeny and believes what it leaves behind: the file of `--outcome`, then the manifests that it names.

    Failures of usage, settings, data or the program end the task at once. Failures of resources, a driver that was lost, and a
    folder that another run is writing are ordinary failures, so that `retries` and `retry_exponential_backoff` apply: the same
    command goes on where it was. All parameters of SparkSubmitOperator hold as well.

    :param jar: Ontogeny's jar, where spark-submit finds it. (templated)
    :param work: folder below which `outcomes` lies unless it is given; of command run also the setting `work`. (templated)
    :param command: `run`, `shard`, `train`, `measure`, `evolve` or `report`.
    :param jobs: of command run: these jobs of the pipeline alone; none for all that it has.
    :param config: pipeline file of command run, or settings file of a job; where the driver finds it. (templated)
    :param overrides: settings over the file's, as `--set` takes them; what is no text is written as JSON. (templated)
    :param dry_run: only checks all settings and inputs, and logs the plan.
    :param outcomes: folder for files of `--outcome`, one for each try. (templated)
    :param storage_conn_id: connection by which Airflow reads the object store of `outcomes` and of what is published.
    """

    template_fields = (*SparkSubmitOperator.template_fields, "work", "config", "overrides", "outcomes")
    ui_color = "#e4f0e8"

    def __init__(
        self,
        *,
        jar: str,
        work: str,
        command: str = "run",
        jobs: Sequence[str] = (),
        config: str | None = None,
        overrides: Mapping[str, Any] | None = None,
        dry_run: bool = False,
        outcomes: str | None = None,
        storage_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("name", f"ontogeny {' '.join(jobs) or command}")
        super().__init__(application=jar, java_class="dev.ontogeny.job.Main", **kwargs)
        self.work = work
        self.command = command
        self.jobs = jobs
        self.config = config
        self.overrides = overrides
        self.only_plan = dry_run
        self.outcomes = outcomes
        self.storage_conn_id = storage_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Runs the command; returns its results and the report's address."""
        self._outcome = self._outcome_of(context["ti"])
        self._place(self._outcome).unlink(missing_ok=True)
        self.application_args = self._arguments()
        ended = "spark-submit returned as if all were well"
        try:
            super().execute(context)
        except (AirflowException, RuntimeError, OSError) as error:
            ended = str(error)
        return self._judged(self._submitted(context), ended)

    def submit_job(self, context: Context) -> str | None:
        """Remembers beside the driver where it leaves its outcome: a later try may meet it again."""
        if (states := context.get("task_state_store")) is not None:
            states.set("ontogeny_outcome", self._outcome)
        return super().submit_job(context)

    def is_job_succeeded(self, status: str) -> bool:
        """A driver that ended is not asked for its result, but the same command again: what is published costs it nothing."""
        return False

    def _submitted(self, context: Context) -> str:
        states = context.get("task_state_store")
        return (states and states.get("ontogeny_outcome")) or self._outcome

    def _place(self, path: str):
        return place(path, self.storage_conn_id)

    def _outcome_of(self, ti) -> str:
        """A file for each try, so that a driver that was given up cannot speak for the one after it."""
        mapped = "" if ti.map_index is None or ti.map_index < 0 else f"-{ti.map_index}"
        names = (ti.dag_id, ti.run_id, f"{ti.task_id}{mapped}-{ti.try_number}")
        return "/".join([(self.outcomes or f"{self.work}/_outcomes").rstrip("/"), *(re.sub(r"[^\w.-]", "_", n) for n in names)]) + ".json"

    def _arguments(self) -> list[str]:
        settings = dict(self.overrides or {})
        if self.command == "run":
            settings["work"] = self.work
        if self.jobs:
            left_out = [job for job in JOBS if job not in self.jobs]
            settings = {key: value for key, value in settings.items() if key.split(".")[0] not in left_out}
            settings.update(dict.fromkeys(left_out))
        arguments = [self.command, "--outcome", self._outcome]
        if self.config:
            arguments += ["--config", self.config]
        for key, value in settings.items():
            arguments += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
        return arguments + ["--dry-run"] * self.only_plan

    def _judged(self, outcome: str, ended: str) -> dict[str, Any]:
        told = read_json(self._place(outcome))
        if told is None:
            raise AirflowException(f"no outcome at {outcome}: the driver was lost, or never began; {ended}")
        if told["exit_code"]:
            kind, message = told["failure"]["kind"], told["failure"]["message"]
            raise (AirflowFailException if kind in FINAL else AirflowException)(f"{kind}: {message}")
        return {"results": told["results"], "report": report_address(told["results"], self.storage_conn_id)}


def report_address(results: list[dict[str, Any]], conn_id: str | None = None) -> str | None:
    """
    Where the report of these results is to be opened, if there is one.

    :raises AirflowException: if a folder does not hold what its result says
    """
    for result in results:
        found = (manifest(result["output"], conn_id) or {}).get("identity")
        if found != result["identity"]:
            raise AirflowException(
                f"{result['job']} says that {result['output']} holds {result['identity']}, "
                f"but its _manifest.json {'is missing' if found is None else f'is of {found}'}: try again"
            )
    return next((f"{result['output']}/index.html" for result in results if result["job"] == "report"), None)
