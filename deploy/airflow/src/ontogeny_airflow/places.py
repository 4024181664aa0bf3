"""Files that Ontogeny wrote, as Airflow reads them: on a disk or in an object store."""

from __future__ import annotations

import json
import re

from airflow.sdk import ObjectStoragePath

MANIFEST = "_manifest.json"


def place(path: str, conn_id: str | None = None) -> ObjectStoragePath:
    """A path as Airflow opens it. Hadoop's s3a is s3 elsewhere, and its `file:/x` a plain path."""
    plain = re.sub(r"^file:/+", "/", re.sub(r"^s3[an]://", "s3://", path))
    made = ObjectStoragePath(plain, conn_id=conn_id if "://" in plain else None)
    # The client of a store remembers what it has listed, but others write there: Spark, and whoever captures.
    made.__wrapped__.fs.invalidate_cache()
    return made


def read_json(path: ObjectStoragePath) -> dict | None:
    """What a file holds; None where there is none, or one that was cut off."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def manifest(folder: str, conn_id: str | None = None) -> dict | None:
    """The manifest of a published folder; None if nothing is published there."""
    return read_json(place(folder, conn_id) / MANIFEST)
