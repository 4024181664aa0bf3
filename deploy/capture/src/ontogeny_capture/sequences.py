"""The sequences of a capture, written once before any model runs: every checkpoint reads them, so that all see the same tokens.

They lie in `_tokens/part-NNNNN.parquet`, one row per sequence; part k holds those of file k at every site and checkpoint.
"""

import dataclasses
import json

import pyarrow as pa
import pyarrow.parquet as pq

from .stores import abandon

FOLDER = "_tokens"


@dataclasses.dataclass
class Sequence:
    """A stretch of a document that goes through the model at once; `digest` instead of token ids where a loader gives the inputs."""

    document: int | str
    start: int
    length: int
    token_ids: list | None = None
    special: list | None = None
    roles: list | None = None
    labels: dict = dataclasses.field(default_factory=dict)
    digest: str | None = None


def schema(text_documents):
    return pa.schema(
        [
            pa.field("document", pa.string() if text_documents else pa.int64(), nullable=False),
            pa.field("start", pa.int32(), nullable=False),
            pa.field("length", pa.int32(), nullable=False),
            pa.field("token_ids", pa.list_(pa.int32())),
            pa.field("special", pa.list_(pa.bool_())),
            pa.field("roles", pa.list_(pa.string())),
            # What type a label has is known only when all rows have been seen.
            pa.field("labels", pa.string()),
            pa.field("digest", pa.string()),
        ]
    )


def part_name(number):
    return f"part-{number:05d}.parquet"


class SequenceWriter:
    """Lays sequences into parts of at most `part_tokens`; a sequence is never cut. A store of None only counts."""

    GROUP_TOKENS = 1 << 18

    def __init__(self, store, part_tokens):
        self.store = store
        self.part_tokens = part_tokens
        self.parts = []
        self.tokens = self.sequences = self.documents = 0
        self.last_document = None
        self.group, self.group_tokens = [], 0
        self.creation = self.writer = None

    def add(self, sequence):
        if not self.parts or self.parts[-1]["tokens"] + sequence.length > self.part_tokens:
            self.end_part()
            self.parts.append({"tokens": 0, "sequences": 0})
        self.parts[-1]["tokens"] += sequence.length
        self.parts[-1]["sequences"] += 1
        self.tokens += sequence.length
        self.sequences += 1
        if sequence.document != self.last_document:
            self.documents += 1
            self.last_document = sequence.document
        if self.store is not None:
            self.group.append(sequence)
            self.group_tokens += sequence.length
            if self.group_tokens >= self.GROUP_TOKENS:
                self.write_group()

    def write_group(self):
        if not self.group:
            return
        columns = schema(isinstance(self.group[0].document, str))
        if self.writer is None:
            self.creation = self.store.create(f"{FOLDER}/{part_name(len(self.parts) - 1)}")
            file = self.creation.__enter__()
            self.writer = pq.ParquetWriter(file, columns, compression="zstd", store_schema=False)
        cells = {name: [getattr(s, name) for s in self.group] for name in columns.names}
        cells["labels"] = [json.dumps(labels, ensure_ascii=False) for labels in cells["labels"]]
        self.writer.write_table(pa.Table.from_pydict(cells, columns))
        self.group, self.group_tokens = [], 0

    def end_part(self):
        self.write_group()
        if self.writer is not None:
            self.writer.close()
            self.creation.__exit__(None, None, None)
            self.creation = self.writer = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.end_part()
        elif self.creation is not None:
            abandon(self.writer)
            self.creation.__exit__(kind, error, trace)


def read_part(store, number):
    """The sequences of a part."""
    with store.open(f"{FOLDER}/{part_name(number)}") as file, pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(batch_size=256):
            for row in batch.to_pylist():
                yield Sequence(**row | {"labels": json.loads(row["labels"])})


def delete_parts(store):
    for name in store.listing(FOLDER):
        store.delete(f"{FOLDER}/{name}")
