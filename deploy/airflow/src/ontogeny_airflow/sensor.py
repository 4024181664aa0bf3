"""Waits for checkpoints to be captured."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from airflow.sdk import BaseSensorOperator, Context, ObjectStoragePath
from airflow.sdk.exceptions import AirflowSensorTimeout
from airflow.triggers.base import BaseTrigger, TriggerEvent

from ontogeny_airflow.places import manifest, place

log = logging.getLogger(__name__)

MARKERS = ("_SUCCESS", "_manifest.json")
# As shard reads training steps out of partitions (columns.checkpoint-pattern).
STEP = re.compile(r"(?:checkpoint=)?(?:(-?\d+)|(?i:.*?(?:step|checkpoint|ckpt|iter)[-_=]?(\d+)(?:[-_].*)?))")


class CheckpointTrigger(BaseTrigger):
    """
    Looks every so often at a folder that checkpoints land in, one folder for each, or one below each `site=…`. Fires once, with a
    checkpoint or with why there is none.

    :param folder: where they land.
    :param published: folders that a finished line over the checkpoints up to one publishes last, as `/work/{checkpoint}/report`.
    :param markers: files of which one must lie in a checkpoint's folder, at every site, before it counts.
    :param sites: sites that have to be there; none for those that are.
    :param first: earlier checkpoints are not waited for, but belong to later lines.
    :param storage_conn_id: connection by which Airflow reads the object store.
    :param interval: seconds between looks.
    :param deadline: when it gives up, in seconds since the epoch, so that a triggerer that starts again does not begin anew.
    """

    def __init__(
        self,
        folder: str,
        published: Sequence[str],
        markers: Sequence[str] = MARKERS,
        sites: Sequence[str] = (),
        first: int = 0,
        storage_conn_id: str | None = None,
        interval: float = 60,
        deadline: float = 0,
    ) -> None:
        super().__init__()
        self.folder = folder.rstrip("/")
        self.published = list(published)
        self.markers = list(markers)
        self.sites = list(sites)
        self.first = first
        self.storage_conn_id = storage_conn_id
        self.interval = interval
        self.deadline = deadline
        self.marked: set[str] = set()

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How the triggerer makes it again."""
        names = ("folder", "published", "markers", "sites", "first", "storage_conn_id", "interval", "deadline")
        return f"{__name__}.CheckpointTrigger", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """A store that cannot be reached for a while is told of, and looked at again."""
        while True:
            try:
                found, there = await asyncio.to_thread(self.look)
            except OSError as error:
                found, there = None, f"{self.folder} cannot be read: {error}"
                log.warning(there)
            left = self.deadline - time.time()
            if found or left <= 0:
                yield TriggerEvent({"found": found, "there": there})
                return
            await asyncio.sleep(min(self.interval, left))

    def look(self) -> tuple[dict[str, Any] | None, str]:
        """
        The first checkpoint that has landed and whose line is not published; without one, what there is.

        Of a checkpoint: `checkpoint`, its number; `checkpoints`, all that landed up to it; `input`, a glob of their folders for
        `shard.input`; `previous`, the last one before it whose line is published.
        """
        children = folders(place(self.folder, self.storage_conn_id))
        sites = [child for child in children if child.name.startswith("site=")]
        wanted = [child for child in sites if not self.sites or unquote(child.name.removeprefix("site=")) in self.sites]
        missing = len(self.sites) - len(wanted) if sites else 0
        lists = [folders(site) for site in wanted] if sites else [children]
        names = sorted({child.name for each in lists for child in each})
        steps = {int(found[1] or found[2]): name for name in names if (found := STEP.fullmatch(name))}
        parents = wanted if sites else [place(self.folder, self.storage_conn_id)]
        landed = sorted(step for step, name in steps.items() if missing <= 0 and all(self.is_marked(parent / name) for parent in parents))
        previous = None
        for step in landed:
            if step < self.first:
                continue
            if all(manifest(last.format(checkpoint=step), self.storage_conn_id) for last in self.published):
                previous = step
                continue
            upto = landed[: landed.index(step) + 1]
            # Only what has landed is named, since shard opens every file that it is given.
            below = [any_of(site.name for site in wanted)] if sites else []
            glob = "/".join([self.folder, *below, any_of(steps[each] for each in upto)])
            return {"checkpoint": step, "checkpoints": upto, "input": glob, "previous": previous}, ""
        begun = sorted(set(steps) - set(landed))
        there = f"{self.folder} has " + (f"checkpoints {landed}, all published" if landed else "no finished checkpoint")
        return None, there + (f"; {begun} lack {' or '.join(self.markers)}{' at some site' if sites else ''}" if begun else "")

    def is_marked(self, checkpoint: ObjectStoragePath) -> bool:
        """A marker that was seen once is not looked for again."""
        if str(checkpoint) not in self.marked and any((checkpoint / marker).exists() for marker in self.markers):
            self.marked.add(str(checkpoint))
        return str(checkpoint) in self.marked


class ManifestSensor(BaseSensorOperator):
    """
    Waits, in the triggerer, until a checkpoint has landed whose line is not published yet; returns what the trigger's `look` tells.

    It waits for a checkpoint's marker, never for its first file, and keeps no state: what is published says what is done.
    `poke_interval` and `timeout` are those of every sensor, the other parameters those of CheckpointTrigger.
    """

    template_fields = ("folder", "published")

    def __init__(
        self,
        *,
        folder: str,
        published: Sequence[str],
        markers: Sequence[str] = MARKERS,
        sites: Sequence[str] = (),
        first: int = 0,
        storage_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.folder = folder
        self.published = list(published)
        self.looks_for = {"markers": list(markers), "sites": list(sites), "first": first, "storage_conn_id": storage_conn_id}

    def execute(self, context: Context) -> dict[str, Any]:
        """Looks once, then leaves it to the triggerer."""
        deadline = time.time() + self.timeout
        trigger = CheckpointTrigger(self.folder, self.published, **self.looks_for, interval=self.poke_interval, deadline=deadline)
        found, there = trigger.look()
        if found:
            return found
        self.log.info("waiting: %s", there)
        self.defer(trigger=trigger, method_name="execute_complete")

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """What the trigger found."""
        if event["found"] is None:
            raise AirflowSensorTimeout(f"no new checkpoint within {timedelta(seconds=self.timeout)}: {event['there']}")
        return event["found"]


def folders(parent: ObjectStoragePath) -> list[ObjectStoragePath]:
    """Its folders by name; none where nothing has been captured yet."""
    try:
        return sorted((child for child in parent.iterdir() if child.is_dir()), key=lambda child: child.name)
    except FileNotFoundError:
        return []


def any_of(names) -> str:
    """Hadoop's glob of these names."""
    return "{" + ",".join(names) + "}"
