"""The DAGs under a scheduler, a triggerer and a real spark-submit."""

import os
import pathlib
import re
import signal
import subprocess

import pytest
from conftest import HOME, JAR, LINE, SITES, files, land, until


@pytest.fixture(scope="module")
def reference(airflow, tmp_path_factory):
    """An undisturbed run of the example of a line, and the asset's followers."""
    folder = tmp_path_factory.mktemp("reference")
    (folder / "line.conf").write_text(LINE, encoding="utf-8")
    for step in (0, 1000):
        land(folder / "capture", step)
    airflow.unpause("ontogeny_follow")
    airflow.succeeded("ontogeny_line", line(airflow, folder))
    return folder


def conf(folder, work="work", **overrides):
    """What a run is triggered with."""
    settings = {"shard.input": str(folder / "capture"), **overrides}
    return {"pipeline": str(folder / "line.conf"), "work": str(folder / work), "overrides": settings}


def line(airflow, folder):
    return airflow.trigger("ontogeny_line", **conf(folder))


def test_every_example_is_read(airflow):
    assert airflow.ask("importErrors")["import_errors"] == []
    tasks = {t["task_id"]: t["downstream_task_ids"] for t in airflow.ask("dags/ontogeny_line/tasks")["tasks"]}
    assert set(tasks) == {"settings", "plan", "shard", "train", "measure", "evolve", "report", "published"}
    assert tasks["plan"] == ["shard"] and set(tasks["measure"]) == {"evolve", "published"}
    sites = {t["task_id"] for t in airflow.ask("dags/ontogeny_sites/tasks")["tasks"]}
    assert {"blocks_0_hook_resid_post.train", "blocks_1_hook_resid_post.train", "published"} < sites
    watch = airflow.ask("dags/ontogeny_watch/details")
    assert watch["max_active_runs"] == 1 and watch["timetable_summary"] == "@continuous"
    assert set(airflow.ask("dags/ontogeny_rerun/details")["params"]) == {"pipeline", "work", "overrides", "sites", "checkpoints"}


def test_a_line_publishes_and_tells_those_that_follow(airflow, reference):
    run = airflow.ask("dags/ontogeny_line/dagRuns")["dag_runs"][0]["dag_run_id"]
    told = airflow.value("ontogeny_line", run, "published")
    assert [r["job"] for r in told["results"]] == ["shard", "train", "measure", "evolve", "report"]
    assert not any(r["already_done"] for r in told["results"])
    assert told["results"][0]["summary"]["rows"] == 240
    report = str(reference / "work" / "report" / "index.html")
    assert told["reports"] == [report] and "<html" in pathlib.Path(report).read_text(encoding="utf-8")
    assert "rows" in airflow.log("ontogeny_line", run, "plan"), "the plan is in the log"
    event = airflow.ask("assets/events")["asset_events"][0]
    assert event["source_dag_id"] == "ontogeny_line" and event["extra"]["reports"] == [report]
    follow = until(lambda: airflow.ask("dags/ontogeny_follow/dagRuns")["dag_runs"], "the follower")[0]["dag_run_id"]
    airflow.succeeded("ontogeny_follow", follow)
    assert airflow.value("ontogeny_follow", follow, "announce") == [report]


def test_a_line_that_is_run_again_does_nothing(airflow, reference):
    before = files(reference / "work")
    run = line(airflow, reference)
    airflow.succeeded("ontogeny_line", run)
    assert [r["already_done"] for r in airflow.value("ontogeny_line", run, "published")["results"]] == [True] * 5
    assert files(reference / "work") == before


def test_killed_in_the_middle(airflow, reference):
    """A driver that is killed, and a task's process that is killed while its driver lives on: both are tried again."""
    work = reference / "killed"
    run = airflow.trigger("trained", **conf(reference, "killed"))
    os.kill(until(lambda: claimed(work / "dataset") and driver(work, "shard"), "shard to be at work"), signal.SIGKILL)
    until(lambda: claimed(work / "dictionaries") and driver(work, "train"), "train to be at work")
    os.kill(airflow.tasks("trained", run)["train"]["pid"], signal.SIGKILL)
    airflow.succeeded("trained", run)
    tasks = airflow.tasks("trained", run)
    assert tasks["shard"]["try_number"] == 2 and tasks["train"]["try_number"] >= 2
    assert "the driver was lost, or never began" in airflow.log("trained", run, "shard", 1)
    undisturbed = {n: f for n, f in files(reference / "work").items() if n.startswith(("dataset/", "dictionaries/"))}
    assert len(undisturbed) > 10 and files(work) == undisturbed


def test_two_drivers_at_once(airflow, reference, tmp_path):
    """Of two drivers one publishes. The other's task is tried again, and finds it done."""
    work, settings = tmp_path / "work", conf(reference)["overrides"]
    sets = [f"--set={key}={value}" for key, value in {**settings, "work": work, **dict.fromkeys(("train", "measure", "evolve", "report"), "null")}.items()]
    first = subprocess.Popen(
        ["spark-submit", "--master", "local[1]", "--class", "dev.ontogeny.job.Main", JAR, "run", "--config", reference / "line.conf", *sets],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: claimed(work / "dataset"), "the first driver to have the folder")
        first.send_signal(signal.SIGSTOP)
        run = airflow.trigger("sharded", **{**conf(reference), "work": str(work)})
        until(lambda: airflow.tasks("sharded", run).get("shard", {}).get("state") == "up_for_retry", "the second to give way")
        first.send_signal(signal.SIGCONT)
        assert first.wait(120) == 0
    finally:
        first.kill()
    airflow.succeeded("sharded", run)
    assert "is being written by another run" in airflow.log("sharded", run, "shard", 1)
    assert airflow.value("sharded", run, "shard")["results"][0]["already_done"]
    assert files(work) == {n: f for n, f in files(reference / "work").items() if n.startswith("dataset/")}


def test_a_driver_in_the_cluster_is_met_again(airflow, reference, cluster, tmp_path):
    """The task dies while its driver runs elsewhere: the next try follows that driver, and reads what it was told to leave."""
    work = tmp_path / "work"
    run = airflow.trigger("clustered", **{**conf(reference), "work": str(work)})
    living = until(lambda: claimed(work / "dataset") and driver(work, "shard", "org.apache.spark.deploy.worker.DriverWrapper"), "the driver")
    os.kill(living, signal.SIGSTOP)
    os.kill(airflow.tasks("clustered", run)["shard"]["pid"], signal.SIGKILL)
    until(lambda: "Reconnecting to existing job" in airflow.log("clustered", run, "shard", 2), "the second try to find the driver", pause=1)
    os.kill(living, signal.SIGCONT)
    airflow.succeeded("clustered", run)
    assert not airflow.value("clustered", run, "shard")["results"][0]["already_done"], "what the first driver said"
    assert sorted(p.name for p in work.glob("_outcomes/clustered/*/shard-*.json")) == ["shard-1.json"]
    assert files(work) == {n: f for n, f in files(reference / "work").items() if n.startswith("dataset/")}


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("measure.top-example", 3, "settings: .*unknown key 'top-example'"),
        ("shard.input", "/no/such/capture", "data: input /no/such/capture does not exist"),
    ],
)
def test_what_somebody_has_to_change_fails_at_once(airflow, reference, setting, value, message):
    dag = "ontogeny_line" if setting.startswith("measure") else "sharded"
    run = airflow.trigger(dag, **conf(reference, "wrong", **{setting: value}))
    assert airflow.ended(dag, run) == "failed"
    tasks = airflow.tasks(dag, run)
    assert (tasks["plan"]["state"], tasks["plan"]["try_number"], tasks["plan"]["max_tries"] > 0) == ("failed", 1, True)
    assert tasks["shard"]["state"] == "upstream_failed" and not list((reference / "wrong").glob("dataset"))
    assert re.search(message, airflow.log(dag, run, "plan")), airflow.log(dag, run, "plan")[-3000:]


def test_want_of_resources_is_tried_again(airflow, reference):
    run = airflow.trigger("poor", **conf(reference, "poor"))
    assert airflow.ended("poor", run) == "failed"
    assert airflow.tasks("poor", run)["plan"]["try_number"] == 2
    for attempt in (1, 2):
        assert "resources: too little memory: Spark needs" in airflow.log("poor", run, "plan", attempt)


def test_a_line_into_a_store(airflow, reference, store):
    run = airflow.trigger("stored", **{**conf(reference), "work": "s3a://bucket/run"})
    airflow.succeeded("stored", run)
    (result,) = airflow.value("stored", run, "published")["results"]
    assert result["output"] == "s3a://bucket/run/dataset" and result["summary"]["rows"] == 240
    keys = [each["Key"] for each in store.list_objects_v2(Bucket="bucket", Prefix="run/")["Contents"]]
    assert "run/dataset/_manifest.json" in keys and any(key.endswith("/shard-1.json") for key in keys)


def test_sites_have_lines_of_their_own(airflow, reference):
    run = airflow.trigger("sites", **conf(reference, "sites"))
    airflow.succeeded("sites", run)
    results = airflow.value("sites", run, "published")["results"]
    assert [[s["site"] for s in r["summary"]["sites"]] for r in results] == [[site] for site in SITES]
    assert [pathlib.Path(r["output"]).parent.name for r in results] == ["blocks_0_hook_resid_post", "blocks_1_hook_resid_post"]


def test_chosen_sites_and_checkpoints_into_a_new_folder(airflow, reference):
    run = airflow.trigger("chosen", **conf(reference, "chosen"), sites=[SITES[1]], checkpoints=[1000])
    airflow.succeeded("chosen", run)
    (result,) = airflow.value("chosen", run, "published")["results"]
    assert [(s["site"], s["checkpoints"]) for s in result["summary"]["sites"]] == [(SITES[1], [1000])]


def test_checkpoints_are_taken_one_by_one_as_they_land(airflow):
    folder = HOME / "watch"
    (folder / "capture").mkdir(parents=True)
    (folder / "line.conf").write_text(LINE, encoding="utf-8")
    airflow.unpause("landing")
    first = until(lambda: waiting(airflow, None), "the first run to wait")
    land(folder / "capture", 0)
    # The next one has begun: its first file is half written.
    half = folder / "capture" / f"site={SITES[0]}" / "checkpoint=1000" / "part-00000.parquet"
    half.parent.mkdir()
    half.write_bytes(b"PAR1")
    airflow.succeeded("landing", first)
    assert airflow.value("landing", first, "next_checkpoint")["checkpoints"] == [0]
    second = until(lambda: waiting(airflow, first), "the second run to wait")
    assert airflow.ask("dags/landing/dagRuns?state=running&state=queued")["total_entries"] == 1
    land(folder / "capture", 1000)
    airflow.succeeded("landing", second)
    airflow.ask("dags/landing", {"is_paused": True}, "PATCH")
    found = airflow.value("landing", second, "next_checkpoint")
    assert (found["checkpoint"], found["checkpoints"], found["previous"]) == (1000, [0, 1000], 0)
    results = airflow.value("landing", second, "published")["results"]
    assert results[0]["summary"]["sites"][0]["checkpoints"] == [0, 1000]
    assert [r["output"] for r in results] == [str(folder / "work" / name) for name in ("dataset", "1000/dictionaries", "1000/features")]
    assert "extended by checkpoints [1000]" in airflow.log("landing", second, "shard")
    assert f"2 of 4 dictionaries stand in {folder}/work/0/dictionaries already" in airflow.log("landing", second, "train")
    assert f"2 dictionaries are measured in {folder}/work/0/features already" in airflow.log("landing", second, "measure")


def waiting(airflow, after):
    """A run of the watch that has left its sensor to the triggerer."""
    for run in airflow.ask("dags/landing/dagRuns?state=running")["dag_runs"]:
        if run["dag_run_id"] != after and airflow.tasks("landing", run["dag_run_id"]).get("next_checkpoint", {}).get("state") == "deferred":
            return run["dag_run_id"]
    return None


def claimed(folder):
    return list(folder.glob("_progress/claims/*.json"))


def driver(work, job, main="org.apache.spark.deploy.SparkSubmit"):
    """The process of the driver of a task, by the outcome that it was told to leave."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if main in words and any(w.startswith(f"{work}/_outcomes/") and f"/{job}-" in w for w in words):
            return int(process.name)
    return None

