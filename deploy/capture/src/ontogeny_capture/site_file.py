"""Files of a capture: the rows of one part at one site and checkpoint."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from .stores import abandon

ARROW = {"float16": pa.float16(), "bfloat16": pa.uint16(), "float32": pa.float32()}
NUMPY = {"float16": np.float16, "bfloat16": np.uint16, "float32": np.float32}
LABELS = {"string": pa.string(), "bool": pa.bool_(), "int64": pa.int64(), "double": pa.float64()}

PAGE_BYTES = 1 << 20
CHUNK_BYTES = 4 << 20


def numbers(tensor, dtype):
    """A tensor of the type to be stored as NumPy has it; bfloat16 as its bits."""
    tensor = tensor.cpu()
    return tensor.view(torch.int16).numpy().view(np.uint16) if dtype == "bfloat16" else tensor.numpy()


def vector_type(dtype):
    return pa.list_(pa.field("element", ARROW[dtype], nullable=False))


def vectors(blocks, dtype):
    """Blocks [n, width] as one Arrow column of lists, without a copy.

    It is in chunks, because the writer unfolds a chunk at a time into several times its size.
    """
    chunks = []
    for rows in blocks:
        step = max(1, CHUNK_BYTES // (rows.itemsize * rows.shape[1]))
        chunks += [list_array(rows[at : at + step], dtype) for at in range(0, len(rows), step)]
    return pa.chunked_array(chunks, vector_type(dtype))


def list_array(rows, dtype):
    ends = np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(rows.reshape(-1)), type=vector_type(dtype))


def parquet_writer(file, schema, columns, dtype):
    """A writer of a file whose `columns` hold vectors."""
    plain = [f"{name}.list.element" for name in columns]
    others = [f.name for f in schema if f.name not in columns]
    writer = pq.ParquetWriter(
        file,
        schema,
        # Activations do not get smaller, and a reader scans them all.
        compression={**{p: "none" for p in plain}, **{o: "zstd" for o in others}},
        use_dictionary=[o for o in others if pa.types.is_string(schema.field(o).type) or o == "token_id"],
        column_encoding={p: "PLAIN" for p in plain},
        write_statistics=others,
        data_page_size=PAGE_BYTES,
        store_schema=False,
    )
    # Nothing else would say that two bytes are bfloat16.
    writer.add_key_value_metadata({f"ontogeny.dtype.{name}": dtype for name in columns})
    return writer


class SiteFile:
    """Collects rows into row groups and writes them.

    `keys` holds the columns that are the same at every site and checkpoint, for all rows of the file; `loss`, if not None, is filled by
    the caller before the rows are appended.
    """

    def __init__(self, file, keys, width, dtype, group_rows, gradients=False, loss=None):
        self.keys = keys
        self.dtype = dtype
        self.loss = loss
        self.row = 0
        self.filled = 0
        rows = min(group_rows, max(1, keys.num_rows))
        self.columns = {"activation": np.empty((rows, width), NUMPY[dtype])}
        if gradients:
            self.columns["gradient"] = np.empty((rows, width), NUMPY[dtype])
        fields = list(keys.schema)
        if loss is not None:
            fields.append(pa.field("loss", pa.float32()))
        fields += [pa.field(name, vector_type(dtype), nullable=False) for name in self.columns]
        self.schema = pa.schema(fields)
        self.writer = parquet_writer(file, self.schema, list(self.columns), dtype)

    def append(self, **columns):
        """Takes the next rows, [n, width] of each column."""
        rows, at = len(columns["activation"]), 0
        while at < rows:
            space = len(self.columns["activation"])
            number = min(rows - at, space - self.filled)
            for name, values in columns.items():
                self.columns[name][self.filled : self.filled + number] = values[at : at + number]
            self.filled += number
            at += number
            if self.filled == space:
                self.write()

    def write(self):
        if not self.filled:
            return
        arrays = list(self.keys.slice(self.row, self.filled).columns)
        if self.loss is not None:
            loss = self.loss[self.row : self.row + self.filled]
            arrays.append(pa.array(loss, pa.float32(), mask=np.isnan(loss)))
        arrays += [vectors([buffer[: self.filled]], self.dtype) for buffer in self.columns.values()]
        self.writer.write_table(pa.table(arrays, schema=self.schema), row_group_size=self.filled)
        self.row += self.filled
        self.filled = 0

    def close(self):
        self.write()
        self.writer.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.close()
        else:
            abandon(self.writer)
