"""Captures as other tools write them: one site for each writer and way of writing, all of the same numbers.

    writers.py write CAPTURE CLASSPATH    writes the capture; a file names the jars of Arrow's Java library
    writers.py check DATASET              compares what shard made of it, site by site, number by number
"""

import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

WIDTH, CHECKPOINTS = 16, (0, 1000)
# Tokens as models have them and as people try to break things with them.
TOKENS = ["the", " the", "", "\n", "\t", '"', "'", "\\", "</script>", "<0xE2>", "\u0000", "\u202e", "é", "e\u0301", "ı", "日本", "👩‍👩‍👧", "\ufeff", "NaN", "null"]
KEYS = [(f"document {d}", p) for d in range(40) for p in range(1 + d % 12)]
ROWS = len(KEYS)


def numbers(checkpoint):
    """[rows, WIDTH] of float32 that every type of two bytes holds exactly: bfloat16's eight bits, within float16's range."""
    drawn = np.random.default_rng(checkpoint).standard_normal((ROWS, WIDTH)).astype(np.float32)
    drawn[np.abs(drawn) < 2**-6] = 0
    return (drawn.view(np.uint32) & 0xFFFF0000).view(np.float32)


def bfloat16_bits(values):
    return (values.view(np.uint32) >> 16).astype(np.uint16)


def keys(position=pa.int32(), text=pa.string()):
    return {
        "document": pa.array([d for d, _ in KEYS], text),
        "position": pa.array([p for _, p in KEYS], position),
        "token_id": pa.array([i % len(TOKENS) for i in range(ROWS)], pa.int32()),
        "token": pa.array([TOKENS[i % len(TOKENS)] for i in range(ROWS)], text),
        "loss": pa.array([i / 8 for i in range(ROWS)], pa.float32()),
        "label_third": pa.array([i % 3 == 0 for i in range(ROWS)]),
    }


def folder(root, site, checkpoint):
    path = f"{root}/site={site}/checkpoint={checkpoint}"
    os.makedirs(path)
    return path


# Lists as Arrow has them


def lists(element=pa.float16(), make=pa.list_):
    def of(values):
        flat = pa.array(values.ravel().astype(element.to_pandas_dtype()), element)
        if make is fixed:
            return pa.FixedSizeListArray.from_arrays(flat, WIDTH)
        offsets = np.arange(0, ROWS * WIDTH + 1, WIDTH)
        if make is pa.large_list:
            return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), flat)
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat)

    return of


def fixed(element):
    return pa.list_(element, WIDTH)


def tensors(values):
    return pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(pa.float32(), [WIDTH]), lists(pa.float32(), fixed)(values))


def bfloat16_lists(values):
    return lists(pa.uint16())(bfloat16_bits(values))


def half_bytes(values):
    return pa.array([v.tobytes() for v in values.astype(np.float16)], pa.binary(2 * WIDTH))


def little_floats(values):
    return pa.array([struct.pack(f"<{WIDTH}f", *v) for v in values], pa.binary())


def arrow(vectors, columns=keys, metadata=None, **options):
    def write(root, site):
        for checkpoint in CHECKPOINTS:
            table = pa.table({**columns(), "activation": vectors(numbers(checkpoint))})
            if metadata:
                table = table.replace_schema_metadata(metadata)
            pq.write_table(table, f"{folder(root, site, checkpoint)}/part.parquet", **options)

    return write


def dictionary_keys():
    columns = keys()
    return {**columns, "document": columns["document"].dictionary_encode(), "token": columns["token"].dictionary_encode()}


def wide_keys():
    return {**keys(pa.uint16(), pa.large_string()), "token_id": keys()["token_id"].cast(pa.uint32())}


def viewed_keys():
    return keys(pa.int64(), pa.string_view())


def in_pieces(root, site):
    """Many small files, one of them without rows, another with a row group without rows."""
    for checkpoint in CHECKPOINTS:
        path = folder(root, site, checkpoint)
        table = pa.table({**keys(), "activation": lists()(numbers(checkpoint))})
        for number, begin in enumerate(range(0, ROWS, 50)):
            with pq.ParquetWriter(f"{path}/part {number}.parquet", table.schema) as writer:
                writer.write_table(table[:0])
                writer.write_table(table[begin : begin + 50])
        pq.write_table(table[:0], f"{path}/empty.parquet")


def all_in_columns(root, site):
    """Site and checkpoint as columns of one file, in an order of its own."""
    tables = []
    for checkpoint in CHECKPOINTS:
        columns = {**keys(), "site": pa.array([site] * ROWS), "checkpoint": pa.array([checkpoint] * ROWS), "activation": lists()(numbers(checkpoint))}
        tables.append(pa.table(columns))
    table = pa.concat_tables(tables)
    pq.write_table(table.take(np.random.default_rng(7).permutation(len(table))), f"{root}/in columns.parquet")


# Other libraries


def polars(element, array, **options):
    def write(root, site):
        import polars as pl

        for checkpoint in CHECKPOINTS:
            kind = getattr(pl, element)
            vectors = pl.Series(numbers(checkpoint).astype(np.float64).tolist(), dtype=pl.Array(kind, WIDTH) if array else pl.List(kind))
            frame = pl.DataFrame({k: pl.from_arrow(v) for k, v in keys().items()}).with_columns(vectors.alias("activation"))
            frame.write_parquet(f"{folder(root, site, checkpoint)}/part.parquet", **options)

    return write


def duckdb(cast, **options):
    def write(root, site):
        import duckdb as db

        told = ", ".join(["format parquet", *(f"{k} {v}" for k, v in options.items())])
        for checkpoint in CHECKPOINTS:
            rows = pa.table({**keys(), "activation": lists(pa.float32())(numbers(checkpoint))})
            with db.connect() as connection:
                connection.register("captured", rows)
                connection.execute(
                    f"copy (select * replace (activation::{cast} as activation) from captured) to '{folder(root, site, checkpoint)}/part.parquet' ({told})"
                )

    return write


def hugging_face(feature):
    def write(root, site):
        import datasets

        datasets.disable_progress_bars()
        for checkpoint in CHECKPOINTS:
            columns = {k: v.to_pylist() for k, v in keys().items()}
            kinds = {"document": "string", "position": "int64", "token_id": "int32", "token": "string", "loss": "float32", "label_third": "bool"}
            features = datasets.Features({**{k: datasets.Value(v) for k, v in kinds.items()}, "activation": feature(datasets)})
            made = datasets.Dataset.from_dict({**columns, "activation": list(numbers(checkpoint))}, features=features)
            made.to_parquet(f"{folder(root, site, checkpoint)}/part.parquet")

    return write


def fastparquet(compression):
    """It writes no lists of numbers, so vectors are bytes."""

    def write(root, site):
        import fastparquet as fp
        import pandas as pd

        for checkpoint in CHECKPOINTS:
            frame = pd.DataFrame({k: v.to_pandas() for k, v in keys().items()})
            frame["activation"] = [v.tobytes() for v in numbers(checkpoint)]
            encoding = {"document": "utf8", "token": "utf8", "activation": "bytes", "position": "infer", "token_id": "infer", "loss": "infer", "label_third": "infer"}
            fp.write(f"{folder(root, site, checkpoint)}/part.parquet", frame, object_encoding=encoding, compression=compression)

    return write


def arrow_java(root, site):
    for checkpoint in CHECKPOINTS:
        table = pa.table({**keys(), "activation": lists(pa.float32())(numbers(checkpoint))})
        target = folder(root, site, checkpoint)
        with tempfile.NamedTemporaryFile(suffix=".arrows") as stream:
            with pa.ipc.new_stream(stream.name, table.schema) as writer:
                writer.write_table(table)
            program = os.path.join(os.path.dirname(__file__), "arrow", "ToParquet.java")
            java = ["java", "--add-opens=java.base/java.nio=ALL-UNNAMED", "-cp", classpath, program]
            subprocess.run([*java, stream.name, target], check=True, stderr=subprocess.DEVNULL)
        os.rename(f"{target}/data_0", f"{target}/part.parquet")


def pandas(root, site):
    import pandas as pd

    for checkpoint in CHECKPOINTS:
        frame = pd.DataFrame({k: v.to_pandas() for k, v in keys().items()})
        frame["activation"] = list(numbers(checkpoint))
        frame.to_parquet(f"{folder(root, site, checkpoint)}/part.parquet")


BFLOAT16 = {"ontogeny.dtype.activation": "bfloat16"}
HALVES = {"ontogeny.dtype.activation": "float16"}

SITES = {
    "pyarrow list of float16": arrow(lists()),
    "pyarrow list of float32": arrow(lists(pa.float32())),
    "pyarrow list of double": arrow(lists(pa.float64())),
    "pyarrow fixed-size list": arrow(lists(pa.float16(), fixed)),
    "pyarrow large list": arrow(lists(pa.float32(), pa.large_list)),
    "pyarrow lists of before 2019": arrow(lists(), use_compliant_nested_type=False),
    "pyarrow pages of version 2": arrow(lists(), data_page_version="2.0"),
    "pyarrow split bytes": arrow(lists(pa.float32()), use_dictionary=False, use_byte_stream_split=["activation.list.element"]),
    "pyarrow gzip": arrow(lists(), compression="gzip"),
    "pyarrow lz4": arrow(lists(), compression="lz4"),
    "pyarrow zstd": arrow(lists(), compression="zstd"),
    "pyarrow uncompressed": arrow(lists(), compression="none"),
    "pyarrow row groups of 1": arrow(lists(), row_group_size=1),
    "pyarrow row groups of 7": arrow(lists(), row_group_size=7),
    "pyarrow format 1.0": arrow(lists(pa.float32()), version="1.0"),
    "pyarrow dictionaries": arrow(lists(), dictionary_keys),
    "pyarrow large strings, unsigned positions": arrow(lists(), wide_keys),
    "pyarrow string views, long positions": arrow(lists(), viewed_keys),
    "pyarrow tensors of rank 1": arrow(tensors),
    "pyarrow bfloat16 as uint16": arrow(bfloat16_lists, metadata=BFLOAT16),
    "pyarrow float16 as bytes": arrow(half_bytes, metadata=HALVES),
    "pyarrow float32 as bytes": arrow(little_floats),
    "pyarrow in pieces": in_pieces,
    "pyarrow in columns": all_in_columns,
    "Arrow Java": arrow_java,
    "pandas": pandas,
    "Polars list": polars("Float32", False),
    "Polars array": polars("Float32", True),
    "Polars list of double, zstd, pages of 64": polars("Float64", False, compression="zstd", data_page_size=64, row_group_size=100),
    "DuckDB list": duckdb("float[]"),
    "DuckDB array": duckdb(f"float[{WIDTH}]"),
    "DuckDB version 2": duckdb("double[]", parquet_version="v2", compression="zstd"),
    "Hugging Face sequence": hugging_face(lambda d: d.Sequence(d.Value("float32"))),
    "Hugging Face sequence of a length": hugging_face(lambda d: d.Sequence(d.Value("float16"), length=WIDTH)),
    "fastparquet": fastparquet("SNAPPY"),
    "fastparquet gzip": fastparquet("GZIP"),
}


def write(root):
    os.makedirs(root)
    for site, writer in SITES.items():
        writer(root, site)
    print(f"{len(SITES)} sites of {ROWS} rows at {len(CHECKPOINTS)} checkpoints")


def check(dataset):
    with open(f"{dataset}/_manifest.json", encoding="utf-8") as file:
        manifest = json.load(file)
    assert manifest["summary"]["rows"] == ROWS, manifest["summary"]["rows"]
    assert {s["site"] for s in manifest["summary"]["sites"]} == set(SITES)
    row = {key: n for n, key in enumerate(KEYS)}
    orders, tokens = {}, {}
    compared = 0
    files = {"tokens": [], "vectors": []}
    for file in manifest["files"]:
        files.get(file["table"], []).append(file)
    for file in files["tokens"]:
        found = pq.read_table(f"{dataset}/{file['path']}", partitioning=None)
        orders[file["shard"]] = [row[k] for k in zip(found["document"].to_pylist(), found["position"].to_pylist())]
        tokens.update(zip(orders[file["shard"]], found["token"].to_pylist()))
    assert tokens == {n: TOKENS[n % len(TOKENS)] for n in range(ROWS)}, "tokens are not as they were written"
    expected = {c: numbers(c) for c in CHECKPOINTS}
    for file in files["vectors"]:
        found = pq.read_table(f"{dataset}/{file['path']}", columns=["activation"], partitioning=None)["activation"].combine_chunks()
        vectors = stored(found)
        right = np.array_equal(vectors, expected[file["checkpoint"]][orders[file["shard"]]])
        assert right, f"site {file['site']} at {file['checkpoint']}, shard {file['shard']}: other numbers than were written"
        compared += len(vectors)
    assert compared == ROWS * len(SITES) * len(CHECKPOINTS), compared
    print(f"{compared} vectors of {len(SITES)} sites are as they were written")


def stored(column):
    """[rows, WIDTH] of what shard stores: fixed bytes of little-endian halves or floats."""
    flat = b"".join(column.to_pylist())
    return np.frombuffer(flat, {2: "<f2", 4: "<f4"}[len(flat) // len(column) // WIDTH]).astype(np.float32).reshape(-1, WIDTH)


if __name__ == "__main__":
    if sys.argv[1] == "write":
        with open(sys.argv[3], encoding="utf-8") as file:
            classpath = file.read().strip()
        write(sys.argv[2])
    else:
        check(sys.argv[2])
