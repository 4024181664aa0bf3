"""What the sensor sees in a folder, on a disk and in a store, and what its trigger says when nothing comes."""

import asyncio
import json
import time

import pytest
from conftest import SITES, land

from ontogeny_airflow.places import place
from ontogeny_airflow.sensor import CheckpointTrigger, ManifestSensor


BOTH = "{" + ",".join(f"site={site}" for site in SITES) + "}"


def publish(work, step):
    folder = place(str(work)) / str(step) / "report"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "_manifest.json").write_text(json.dumps({"identity": "x"}))


def capture(folder, **more):
    return CheckpointTrigger(str(folder / "capture"), [str(folder / "work" / "{checkpoint}" / "report")], **more)


def test_a_checkpoint_counts_when_all_its_sites_are_marked(tmp_path):
    assert capture(tmp_path).look() == (None, f"{tmp_path}/capture has no finished checkpoint")
    land(tmp_path / "capture", 16, marker=None)
    found, there = capture(tmp_path).look()
    assert found is None and there.endswith("no finished checkpoint; [16] lack _SUCCESS or _manifest.json at some site")
    site = tmp_path / "capture" / f"site={SITES[0]}" / "checkpoint=16"
    (site / "_SUCCESS").touch()
    assert capture(tmp_path).look()[0] is None
    # Who knows that only this site is captured may say so.
    assert capture(tmp_path, sites=[SITES[0]]).look()[0]["input"].endswith(f"/{{site={SITES[0]}}}/{{checkpoint=16}}")
    assert capture(tmp_path, sites=[SITES[0], "another"]).look()[0] is None
    land(tmp_path / "capture", 16)
    assert capture(tmp_path).look()[0] == {"checkpoint": 16, "checkpoints": [16], "input": f"{tmp_path}/capture/{BOTH}/{{checkpoint=16}}", "previous": None}
    assert capture(tmp_path, markers=["done"]).look()[0] is None


def test_checkpoints_come_in_the_order_of_training(tmp_path):
    for step in (1000, 4, 64):
        land(tmp_path / "capture", step)
    publish(tmp_path / "work", 4)
    found, _ = capture(tmp_path).look()
    assert (found["checkpoint"], found["checkpoints"], found["previous"]) == (64, [4, 64], 4)
    assert found["input"].endswith(f"/{BOTH}/{{checkpoint=4,checkpoint=64}}")
    assert capture(tmp_path, first=65).look()[0]["checkpoints"] == [4, 64, 1000]
    for step in (64, 1000):
        publish(tmp_path / "work", step)
    assert capture(tmp_path).look() == (None, f"{tmp_path}/capture has checkpoints [4, 64, 1000], all published")


@pytest.mark.parametrize("name", ["step1000", "checkpoint-1000", "1000", "checkpoint=step1000", "stage1-step1000-tokens4B"])
def test_folders_of_checkpoints_without_sites(tmp_path, name):
    (tmp_path / "capture" / name).mkdir(parents=True)
    (tmp_path / "capture" / name / "_manifest.json").touch()
    (tmp_path / "capture" / "_tokens").mkdir()
    found, _ = capture(tmp_path).look()
    assert (found["checkpoint"], found["input"]) == (1000, f"{tmp_path}/capture/{{{name}}}")


def test_a_store_is_looked_at_anew_each_time(store):
    """Its client remembers listings, which must not hide what landed since."""
    watched = CheckpointTrigger("s3a://bucket/capture", ["s3a://bucket/work/{checkpoint}/report"], storage_conn_id="store")

    def put(key, text="x"):
        store.put_object(Bucket="bucket", Key=key, Body=text.encode())

    put("capture/site=a/checkpoint=4/part.parquet")
    assert watched.look()[1].endswith("no finished checkpoint; [4] lack _SUCCESS or _manifest.json at some site")
    put("capture/site=a/checkpoint=4/_SUCCESS")
    assert watched.look()[0]["input"] == "s3a://bucket/capture/{site=a}/{checkpoint=4}"
    put("work/4/report/_manifest.json", '{"identity": "x"}')
    assert watched.look() == (None, "s3a://bucket/capture has checkpoints [4], all published")
    put("capture/site=a/checkpoint=8/_SUCCESS")
    assert (watched.look()[0]["checkpoint"], watched.look()[0]["previous"]) == (8, 4)


def fired(trigger):
    async def first():
        async for event in trigger.run():
            return event.payload

    return asyncio.run(first())


def test_the_trigger_fires_when_a_checkpoint_lands(tmp_path):
    land(tmp_path / "capture", 0, marker=None)
    _, arguments = capture(tmp_path, interval=0.05, deadline=time.time() + 30).serialize()

    async def both():
        trigger = CheckpointTrigger(**arguments)
        waiting = asyncio.ensure_future(anext(aiter(trigger.run())))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await asyncio.to_thread(land, tmp_path / "capture", 0)
        return (await asyncio.wait_for(waiting, 20)).payload

    assert asyncio.run(both())["found"]["checkpoint"] == 0


def test_a_checkpoint_that_never_comes(tmp_path):
    land(tmp_path / "capture", 8)
    publish(tmp_path / "work", 8)
    land(tmp_path / "capture", 16, marker=None)
    folders = {"folder": str(tmp_path / "capture"), "published": [f"{tmp_path}/work/{{checkpoint}}/report"]}
    event = fired(CheckpointTrigger(**folders, interval=0.05, deadline=time.time() + 0.3))
    sensor = ManifestSensor(task_id="next", timeout=7200, **folders)
    with pytest.raises(Exception) as raised:
        sensor.execute_complete({}, event)
    assert type(raised.value).__name__ == "AirflowSensorTimeout"
    assert str(raised.value) == (
        f"no new checkpoint within 2:00:00: {tmp_path}/capture has checkpoints [8], all published; "
        "[16] lack _SUCCESS or _manifest.json at some site"
    )
