"""Published folders, read by their manifests."""

from __future__ import annotations

import json
import os
import pathlib
from typing import TYPE_CHECKING, Any, Sequence

from .dictionary import Dictionary
from .failures import OntogenyError

if TYPE_CHECKING:
    import duckdb
    import pandas
    import polars
    import pyarrow.dataset
    from pyspark.sql import DataFrame, SparkSession

MANIFEST = "_manifest.json"


class Table:
    """A published table, in the library that you have. Only the files that the manifest names are read.

    >>> features = ontogeny.open(folder / "features").table("features")
    >>> len(features.pandas())
    24
    >>> features.polars().select("feature", "count").filter(feature=0).collect().shape
    (1, 2)
    >>> features.duckdb().aggregate("max(feature)").fetchall()
    [(23,)]
    """

    def __init__(self, name: str, folder: pathlib.Path, manifest: dict[str, Any]):
        self.name = name
        self.paths = [str(folder / each["path"]) for each in manifest["files"] if each.get("table") == name]
        # Manifests of old tell of no columns.
        self.columns: list[dict[str, Any]] = next((each["columns"] for each in manifest.get("schema") or [] if each["table"] == name), [])
        """Name, type, unit and meaning of every column, as the manifest tells them."""

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {len(self.paths)} files)"

    def arrow(self) -> "pyarrow.dataset.Dataset":
        """As a dataset of Arrow, of which nothing is read yet."""
        import pyarrow
        import pyarrow.dataset

        parts = [pyarrow.dataset.dataset(path, format="parquet") for path in self.paths]
        # A column that may be null may be missing from files of older folders.
        schema = pyarrow.unify_schemas([part.schema for part in parts])
        return pyarrow.dataset.dataset(self.paths, format="parquet", schema=schema)

    def pandas(self, columns: Sequence[str] | None = None) -> "pandas.DataFrame":
        """Read whole, or some of its columns."""
        return self.arrow().to_table(columns=None if columns is None else list(columns)).to_pandas()

    def polars(self) -> "polars.LazyFrame":
        """Lazy: only the columns and rows that a query needs are read."""
        import polars

        return polars.concat([polars.scan_parquet(path) for path in self.paths], how="diagonal")

    def duckdb(self, connection: "duckdb.DuckDBPyConnection | None" = None) -> "duckdb.DuckDBPyRelation":
        """A relation, of the default connection unless another is given."""
        import duckdb

        return (connection or duckdb).read_parquet(self.paths, union_by_name=True)

    def spark(self, session: "SparkSession") -> "DataFrame":
        """A DataFrame; executors have to reach the folder under the same path. Spark Connect does as well."""
        return session.read.option("mergeSchema", "true").parquet(*self.paths)


class Opened:
    """What `open` has found: published folders by kind, their tables and dictionaries."""

    def __init__(self, path: pathlib.Path, found: dict[str, tuple[pathlib.Path, dict[str, Any]]]):
        self.path = path
        self._found = found

    def __repr__(self) -> str:
        return f"Opened({str(self.path)!r}, {self.kinds})"

    @property
    def kinds(self) -> list[str]:
        """Such as dataset, dictionaries, features, evolution."""
        return list(self._found)

    def manifest(self, kind: str) -> dict[str, Any]:
        """The manifest of a folder: files, settings, where it came from."""
        if kind not in self._found:
            raise OntogenyError(f"{self.path} holds no {kind}, it holds {self.kinds}")
        return self._found[kind][1]

    @property
    def tables(self) -> dict[str, list[str]]:
        """Names of tables by kind."""
        return {kind: sorted({each["table"] for each in manifest["files"] if each.get("table")}) for kind, (_, manifest) in self._found.items()}

    def table(self, name: str) -> Table:
        """The table of that name."""
        for kind, names in self.tables.items():
            if name in names:
                folder, manifest = self._found[kind]
                return Table(name, folder, manifest)
        raise OntogenyError(f"{self.path} has no table {name}, it has {self.tables}")

    @property
    def dictionaries(self) -> list[str]:
        """Ids of the dictionaries."""
        files = self._found["dictionaries"][1]["files"] if "dictionaries" in self._found else []
        return sorted(each["path"].split("/")[0] for each in files if each["path"].endswith("/dictionary.json"))

    def dictionary(self, id: str | None = None) -> Dictionary:
        """The dictionary of that id; without one the only one there is."""
        ids = self.dictionaries
        if id is None and len(ids) == 1:
            id = ids[0]
        if id not in ids:
            raise OntogenyError(f"{self.path} holds the dictionaries {ids}: " + ("name one of them" if id is None else f"{id} is none of them"))
        return Dictionary(self._found["dictionaries"][0] / id)

    def saebench(self, out: str | os.PathLike, split: str | None = None) -> list[pathlib.Path]:
        """Writes the quality of every dictionary at every checkpoint as a result of SAEBench's `core`, a file each, and gives their paths.

        What needs the model in memory, and the texts' number per feature, is -1, as SAEBench itself writes what it did not compute. Definitions, and
        where they differ from SAEBench's: the page on tables. `split` is train or held_out; without one it is held_out where rows were held out.

        >>> import json, tempfile
        >>> (path,) = ontogeny.open(folder).saebench(tempfile.mkdtemp())
        >>> result = json.loads(path.read_text())
        >>> result["eval_type_id"], result["eval_result_metrics"]["sparsity"]["l0"]
        ('core', 2.0)
        """
        from .saebench import write

        return write(self, out, split)


def open(path: str | os.PathLike) -> Opened:
    """Opens the folder of a run, a published folder, or a saved model of Spark ML. Nothing but manifests is read. Folders are local or mounted.

    >>> model = ontogeny.open(folder)
    >>> model.kinds
    ['dictionaries', 'features']
    >>> model.dictionaries
    ['independent-features-top-k-w24-k2-r0-c0']
    >>> model.table("training_log").columns[0]["name"]
    'dictionary'
    """
    root = pathlib.Path(path)
    found = {}
    for folder in [root, *sorted(each for each in root.glob("*") if each.is_dir())]:
        if (folder / MANIFEST).is_file():
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            if manifest.get("kind") in found:
                raise OntogenyError(f"{root} holds {manifest['kind']} twice, in {found[manifest['kind']][0]} and {folder}: open one of them")
            found[manifest["kind"]] = (folder, manifest)
    if not found:
        raise OntogenyError(f"{root} holds nothing published: neither it nor a folder in it has a {MANIFEST}")
    return Opened(root, found)
