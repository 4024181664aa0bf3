"""Rows of a dataset: files of JSON, JSONL, text, CSV or Parquet, or a dataset of the Hugging Face hub. Streamed, in their order."""

import csv
import glob
import io
import itertools
import json
import os
import random
import sys

import pyarrow as pa
import pyarrow.fs as fs
import pyarrow.parquet as pq

from .failures import DataFailure, ResourceFailure, SettingsFailure, nearest, one_line
from .stores import filesystem

ENDINGS = (".jsonl", ".ndjson", ".json", ".txt", ".csv", ".tsv", ".parquet")
COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")

# Rows among which --shuffle-seed draws the next one: all of a dataset may be more than memory.
SHUFFLE_ROWS = 10_000


class Rows:
    """The rows of a dataset, each with its number from 0, as (number, where, {column: value}).

    `where` names a row in messages. Only `columns` are read; those missing are an error at the first row.
    """

    def __init__(self, dataset, columns, config=None, split="train", revision=None, shuffle_seed=None):
        self.dataset = dataset
        self.columns = list(dict.fromkeys(columns))
        self.config = config
        self.split = split
        self.revision = revision
        self.shuffle_seed = shuffle_seed

    def __iter__(self):
        numbered = ((number, where, row) for number, (where, row) in enumerate(self.read()))
        return numbered if self.shuffle_seed is None else shuffled(numbered, self.shuffle_seed)

    def read(self):
        files = dataset_files(self.dataset)
        if files is None:
            yield from self.hub_rows()
            return
        for file in files:
            first = True
            for where, row in file_rows(file, self.columns):
                missing = [c for c in self.columns if c not in row]
                if missing and (first or not lenient(file)):
                    raise DataFailure(f"{where}: there is no column {missing[0]}: {nearest(missing[0], row)}")
                # In JSON a row may leave out what is null.
                first = False
                yield where, {c: row.get(c) for c in self.columns}

    def hub_rows(self):
        datasets = hub_library(self.dataset)
        try:
            if os.path.isdir(self.dataset):
                loaded = datasets.load_from_disk(self.dataset)
                if isinstance(loaded, dict):
                    if self.split not in loaded:
                        raise SettingsFailure(f"--split {self.split} is not in {self.dataset}: {nearest(self.split, loaded)}")
                    loaded = loaded[self.split]
            else:
                loaded = datasets.load_dataset(
                    self.dataset, self.config, split=self.split, revision=self.revision, streaming=True
                )
        except (FileNotFoundError, ValueError, datasets.exceptions.DatasetNotFoundError) as error:
            raise SettingsFailure(f"--dataset {self.dataset} is neither a file nor a dataset of the hub: {one_line(error)}") from None
        except OSError as error:
            raise ResourceFailure(f"--dataset {self.dataset} cannot be read: {one_line(error)}") from None
        names = {}
        for column in self.columns if loaded.features else ():
            if column not in loaded.features:
                raise DataFailure(f"{self.dataset}: there is no column {column}: {nearest(column, loaded.features)}")
            # Classes have names, and these say more than their numbers.
            if isinstance(loaded.features[column], datasets.ClassLabel):
                names[column] = loaded.features[column].names
        for number, row in enumerate(loaded):
            where = f"{self.dataset} row {number}"
            for column in self.columns:
                if column not in row:
                    raise DataFailure(f"{where}: there is no column {column}: {nearest(column, row)}")
            yield where, {c: names[c][row[c]] if c in names and (row[c] or 0) >= 0 and row[c] is not None else row[c] for c in self.columns}


def hub_library(dataset):
    try:
        import datasets

        return datasets
    except ImportError:
        raise SettingsFailure(
            f"--dataset {dataset} is not a file that ends in {', '.join(ENDINGS)}; a dataset of the hub needs the library "
            "datasets: pip install 'ontogeny-capture[datasets]'"
        ) from None


def shuffled(rows, seed):
    """Draws each next row from the first SHUFFLE_ROWS that are left."""
    draw = random.Random(seed)
    pool = []
    for row in rows:
        if len(pool) < SHUFFLE_ROWS:
            pool.append(row)
            continue
        at = draw.randrange(SHUFFLE_ROWS)
        pool[at], row = row, pool[at]
        yield row
    draw.shuffle(pool)
    yield from pool


def ending(file):
    """The ending that tells the format, before one that tells a compression."""
    stem, last = os.path.splitext(file)
    return os.path.splitext(stem)[1].lower() if last.lower() in COMPRESSED else last.lower()


def lenient(file):
    return ending(file) in (".jsonl", ".ndjson", ".json")


def dataset_files(dataset):
    """The files that --dataset names, in the order of their names; None if it names no file."""
    if "://" in dataset:
        return remote_files(dataset)
    path = os.path.expanduser(dataset)
    if os.path.isdir(path):
        if any(os.path.exists(os.path.join(path, n)) for n in ("state.json", "dataset_dict.json")):
            return None
        found = sorted(os.path.join(path, n) for n in os.listdir(path) if ending(n) in ENDINGS)
        if not found:
            raise SettingsFailure(f"--dataset {dataset} holds no file that ends in {', '.join(ENDINGS)}")
        return found
    found = sorted(glob.glob(path)) if not os.path.exists(path) else [path]
    if not found:
        # The name of a dataset on the hub has at most one slash and no ending.
        if ending(path) in ENDINGS or path.startswith((".", "/", "~")) or any(c in path for c in "*?[") or path.count("/") > 1:
            raise SettingsFailure(f"--dataset {dataset}: there is no such file")
        return None
    for file in found:
        if ending(file) not in ENDINGS:
            raise SettingsFailure(f"--dataset {file} does not end in {', '.join(ENDINGS)} (or one of these and {', '.join(COMPRESSED)})")
    return found


def remote_files(dataset):
    system, path = filesystem(dataset)
    try:
        if system.get_file_info(path).type == fs.FileType.File:
            return [dataset]
        infos = system.get_file_info(fs.FileSelector(path))
    except FileNotFoundError as error:
        raise SettingsFailure(f"--dataset {dataset} cannot be opened: {one_line(error)}") from None
    except OSError as error:
        raise ResourceFailure(f"--dataset {dataset} cannot be reached: {one_line(error)}") from None
    scheme = dataset.split("://")[0]
    found = [f"{scheme}://{i.path}" for i in sorted(infos, key=lambda i: i.path) if ending(i.path) in ENDINGS]
    if not found:
        raise SettingsFailure(f"--dataset {dataset} holds no file that ends in {', '.join(ENDINGS)}")
    return found


def open_file(file):
    """Its bytes, uncompressed."""
    if "://" in file:
        system, path = filesystem(file)
        return system.open_input_stream(path, compression="detect")
    return pa.input_stream(file, compression="detect")


def file_rows(file, columns):
    """(where, {column: value}) of each row of a file."""
    kind = ending(file)
    try:
        if kind == ".parquet":
            yield from parquet_rows(file, columns)
            return
        # A file may begin with a byte order mark.
        text = io.TextIOWrapper(io.BufferedReader(Raw(open_file(file))), encoding="utf-8-sig", newline="" if "sv" in kind else None)
        with text:
            if kind == ".txt":
                for number, line in enumerate(text, 1):
                    yield f"{file} line {number}", {"text": line.rstrip("\n")}
            elif kind in (".csv", ".tsv"):
                yield from csv_rows(file, text, "\t" if kind == ".tsv" else ",")
            else:
                yield from json_rows(file, text)
    except UnicodeDecodeError as error:
        raise DataFailure(f"{file} is not UTF-8: {error.reason} at byte {error.start} of a block; convert it first") from None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataFailure(f"{file} cannot be read: {one_line(error)}") from None
    except OSError as error:
        raise ResourceFailure(f"{file} cannot be read: {one_line(error)}") from None


class Raw(io.RawIOBase):
    """A stream of Arrow as one of Python, which reads lines from it without taking it all."""

    def __init__(self, stream):
        self.stream = stream

    def readable(self):
        return True

    def readinto(self, buffer):
        data = self.stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self):
        self.stream.close()
        super().close()


def csv_rows(file, text, separator):
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    reader = csv.reader(text, delimiter=separator)
    header = next(reader, None)
    for cells in reader:
        where = f"{file} line {reader.line_num}"
        if len(cells) != len(header):
            raise DataFailure(f"{where} has {len(cells)} cells, the header has {len(header)}")
        yield where, dict(zip(header, cells))


def json_rows(file, text):
    first = text.read(1)
    while first and first.isspace():
        first = text.read(1)
    if first == "[":
        yield from json_array(file, text)
        return
    lines = itertools.chain([first + text.readline()], text) if first else ()
    for number, line in enumerate(lines, 1):
        if line.strip():
            where = f"{file} line {number}"
            try:
                row = json.loads(line)
            except ValueError as error:
                raise DataFailure(f"{where} is not JSON: {one_line(error)}") from None
            if not isinstance(row, dict):
                raise DataFailure(f"{where} is not an object of columns: {line.strip()[:60]}")
            yield where, row


def json_array(file, text):
    """The objects of an array, without holding all of it."""
    decoder = json.JSONDecoder()
    rest, at, number, ended = "", 0, 0, False
    while True:
        while at < len(rest) and (rest[at].isspace() or rest[at] == ","):
            at += 1
        if at < len(rest) and rest[at] != "{":
            if rest[at] == "]":
                return
            raise DataFailure(f"{file} item {number} is not an object of columns: {rest[at : at + 60]}")
        try:
            row, at = decoder.raw_decode(rest, at)
        except ValueError as error:
            if ended:
                raise DataFailure(f"{file} item {number} is not JSON, or the array does not end: {one_line(error)}") from None
            more = text.read(1 << 20)
            rest, at, ended = rest[at:] + more, 0, not more
            continue
        yield f"{file} item {number}", row
        number += 1


def parquet_rows(file, columns):
    if "://" in file:
        system, path = filesystem(file)
        source = system.open_input_file(path)
    else:
        source = file
    with pq.ParquetFile(source) as parquet:
        names = parquet.schema_arrow.names
        missing = [c for c in columns if c not in names]
        if missing:
            raise DataFailure(f"{file}: there is no column {missing[0]}: {nearest(missing[0], names)}")
        number = 0
        for batch in parquet.iter_batches(batch_size=1024, columns=columns):
            for row in batch.to_pylist():
                yield f"{file} row {number}", row
                number += 1
