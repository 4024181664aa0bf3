"""Activation stores of other libraries, read as blocks of rows in their order. Files are mapped into memory, never loaded whole."""

import dataclasses
import json
import os
import re

import numpy as np
import torch

from .failures import DataFailure, SettingsFailure, nearest, one_line

# Of activations in a block.
BLOCK_BYTES = 32 << 20
TOKEN_NAMES = ("token_ids", "tokens", "input_ids")
FLOATS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}


@dataclasses.dataclass
class Block:
    """Rows that follow each other: activations [rows, width], and of each row its document, position and, where known, token id."""

    activations: torch.Tensor
    document: np.ndarray
    position: np.ndarray
    token_id: np.ndarray | None


@dataclasses.dataclass(frozen=True)
class Flat:
    """What rows without documents are taken for: each a document of its own, or every `length` in turn; neither is refused."""

    single: bool = False
    length: int | None = None


@dataclasses.dataclass
class Array:
    """Activations of a file, [sequences, positions, width] or [rows, width], and its other columns; sliced along the first dimension."""

    where: str
    values: object
    token_id: object = None
    document: object = None
    position: object = None
    # How many documents end in it, where `document` counts them from 0 in each input; None where `document` names them, or there is none.
    counted: int | None = None
    # Why rows without documents cannot be aligned, where the library has a reason of its own.
    unaligned: str = ""

    def blocks(self, first, flat, bits):
        """Blocks of this file; `first` is the number of its first document where the file does not name them."""
        shape = shape_of(self.values)
        if len(shape) not in (2, 3):
            raise DataFailure(f"{self.where} has the shape {shape}; it must be [sequences, positions, width] or [rows, width]")
        for name in ("token_id", "document", "position"):
            column = getattr(self, name)
            if column is not None and shape_of(column) != shape[:-1]:
                raise DataFailure(f"{self.where}: the {name}s have the shape {shape_of(column)}, the activations {shape}; they must have {shape[:-1]}")
        step = max(1, BLOCK_BYTES // (4 * int(np.prod(shape[1:]))))
        for start in range(0, shape[0], step):
            stop = min(start + step, shape[0])
            document, position = self.keys(start, stop, first, flat, shape)
            yield Block(
                numbers(self.values[start:stop], bits, self.where).reshape(-1, shape[-1]),
                document,
                position,
                None if self.token_id is None else integers(self.token_id[start:stop], np.int32, self.where),
            )

    def keys(self, start, stop, first, flat, shape):
        rows = np.arange(start, stop)
        if self.document is not None or self.position is not None:
            if self.document is None or self.position is None:
                raise DataFailure(f"{self.where} has only one of document and position; both are needed")
            document = integers(self.document[start:stop], np.int64, self.where)
            return document + (0 if self.counted is None else first), integers(self.position[start:stop], np.int32, self.where)
        if len(shape) == 3:
            return np.repeat(first + rows, shape[1]), np.tile(np.arange(shape[1], dtype=np.int32), len(rows))
        if flat.length:
            return first + rows // flat.length, (rows % flat.length).astype(np.int32)
        if flat.single:
            return first + rows, np.zeros(len(rows), np.int32)
        raise DataFailure(
            f"{self.where} has the shape {shape}, single rows{self.unaligned}: which document and position each is of is not stored, so that "
            "checkpoints cannot be aligned. If rows are whole sequences in their order: --sequence-length N. If every row shall be a document "
            "of its own: --rows-as-documents. Else store [sequences, positions, width]"
        )

    def documents(self, flat):
        """How many numbers of documents the file takes."""
        shape = shape_of(self.values)
        if self.counted is not None:
            return self.counted
        if len(shape) != 2 or not flat.length:
            return shape[0]
        if shape[0] % flat.length:
            raise DataFailure(f"{self.where} has {shape[0]} rows, which --sequence-length {flat.length} does not divide")
        return shape[0] // flat.length


def shape_of(array):
    return list(array.get_shape() if hasattr(array, "get_shape") else array.shape)


def numbers(values, bits, where):
    """A tensor of floating point numbers; `bits` says that whole numbers are the bits of bfloat16."""
    if isinstance(values, np.ndarray):
        if values.dtype == np.dtype("V2"):
            values = values.view(np.uint16)
        # From a file that is only mapped, and of an order that torch may not know.
        values = torch.from_numpy(np.array(values, dtype=values.dtype.newbyteorder("="), order="C", copy=True))
    if bits and values.dtype in (torch.int16, torch.uint16):
        values = values.view(torch.bfloat16)
    if values.dtype not in FLOATS:
        remedy = "; if these are the bits of bfloat16: --stored-as bfloat16" if values.dtype in (torch.int16, torch.uint16) else ""
        raise DataFailure(f"{where} holds {str(values.dtype).removeprefix('torch.')}; activations must be floating point numbers{remedy}")
    return values


def integers(values, kind, where):
    values = np.asarray(values).reshape(-1)
    if values.dtype.kind not in "iu":
        raise DataFailure(f"{where} holds {values.dtype} where tokens, documents and positions must be whole numbers")
    if len(values) and not np.iinfo(kind).min <= int(values.min()) <= int(values.max()) <= np.iinfo(kind).max:
        raise DataFailure(f"{where} holds {int(values.max())}, which does not fit {np.dtype(kind)}")
    return values.astype(kind)


def natural(name):
    """Sorts chunk-2 before chunk-10."""
    return [int(part) if i % 2 else part for i, part in enumerate(re.split(r"(\d+)", name))]


def listed(folder, wanted, what):
    """The files of a folder, or the file itself, that match a pattern, in their order."""
    if os.path.isfile(folder):
        return [folder]
    found = sorted((n for n in os.listdir(folder) if re.fullmatch(wanted, n)), key=natural)
    if not found:
        raise DataFailure(f"{folder} holds no {what}: {nearest(what, sorted(os.listdir(folder)))}")
    return [os.path.join(folder, n) for n in found]


# Each reader gives the arrays of an input, in their order.


def saelens(path, column):
    """Cached activations of SAELens: a folder that `datasets` saved, or the Parquet files that it pushed to the hub."""
    if path.endswith(".parquet") or os.path.isdir(path) and any(n.endswith(".parquet") for n in os.listdir(path)):
        for file in listed(path, r".*\.parquet", "Parquet file"):
            yield from parquet_sequences(file, column)
        return
    if os.path.isdir(path) and not os.path.exists(os.path.join(path, "state.json")):
        # As its earlier versions leave them.
        for shard in listed(path, r"shard_\d+", "dataset (state.json) and no shard_0"):
            yield from dataset_sequences(shard, column)
        return
    yield from dataset_sequences(path, column)


def dataset_sequences(path, column):
    try:
        import datasets
    except ImportError:
        raise SettingsFailure("--from saelens needs the library datasets: pip install 'ontogeny-capture[datasets]'") from None
    try:
        table = datasets.load_from_disk(path).data.table
    except (OSError, ValueError) as error:
        raise DataFailure(f"{path} is not a dataset of SAELens's cache, or is cut off: {one_line(error)}") from None
    yield from table_sequences(table.to_batches(), table.column_names, path, column)


def parquet_sequences(file, column):
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as parquet:
        yield from table_sequences(parquet.iter_batches(batch_size=16), parquet.schema_arrow.names, file, column)


def table_sequences(batches, names, where, column):
    hooks = [n for n in names if n not in TOKEN_NAMES]
    column = column or (hooks[0] if len(hooks) == 1 else None)
    if column not in names:
        asked = f"no column {column}" if column else f"{len(hooks)} columns that may hold activations: give --column"
        raise DataFailure(f"{where} has {asked}: {nearest(column or '', hooks)}")
    tokens = next((n for n in TOKEN_NAMES if n in names), None)
    row = 0
    for batch in batches:
        place = f"{where} column {column} rows {row} to {row + len(batch) - 1}"
        values = nested(batch.column(batch.schema.get_field_index(column)), 3, place)
        ids = None if tokens is None else nested(batch.column(batch.schema.get_field_index(tokens)), 2, f"{where} column {tokens}")
        row += len(batch)
        if len(values):
            yield Array(place, values, ids)


def nested(array, dimensions, where):
    """Lists in lists of equal lengths as NumPy has them, without a copy."""
    import pyarrow as pa

    shape = [len(array)]
    for _ in range(dimensions - 1):
        array = array.storage if isinstance(array, pa.ExtensionArray) else array
        if not pa.types.is_nested(array.type):
            raise DataFailure(f"{where} has {len(shape)} dimensions ({array.type}); it must have {dimensions}, a row being a whole sequence")
        if array.null_count:
            raise DataFailure(f"{where} has a null")
        lengths = np.unique(array.value_lengths().to_numpy(zero_copy_only=False))
        if len(lengths) > 1:
            raise DataFailure(f"{where} has sequences of {lengths[0]} and of {lengths[-1]}; all must have one length")
        array = array.flatten()
        shape.append(len(array) // max(1, int(np.prod(shape))))
    if array.null_count:
        raise DataFailure(f"{where} has a null")
    return array.to_numpy(zero_copy_only=False).reshape(shape)


def dictionary_learning(path, column):
    """Files of Activault, or the memory-mapped cache of the crosscoder branch."""
    if os.path.isdir(path) and any(re.fullmatch(r"shard_\d+\.memmap", n) for n in os.listdir(path)):
        yield from memory_maps(path)
        return
    metadata = read_json(os.path.join(path, "metadata.json")) if os.path.isdir(path) else None
    for file in listed(path, r"(?!(metadata|statistics|cfg)\.json$)[^._].*", "file of activations"):
        loaded = load_torch(file)
        states, ids = (loaded.get("states"), loaded.get("input_ids")) if isinstance(loaded, dict) else (loaded, None)
        if not torch.is_tensor(states):
            found = ", ".join(map(str, loaded)) if isinstance(loaded, dict) else type(loaded).__name__
            raise DataFailure(f"{file} holds {found}; a file of Activault holds states and input_ids")
        if metadata and list(states.shape)[1:] != metadata["shape"][1:]:
            raise DataFailure(f"{file} has the shape {list(states.shape)}, {path}/metadata.json says {metadata['shape']}")
        yield Array(f"{file} states", states, ids)


def memory_maps(path):
    """shard_I.memmap with shard_I.meta and config.json; beside the folder tokens.pt and sequence_ranges.pt."""
    config = read_json(os.path.join(path, "config.json")) or {}
    if config.get("shuffle_shards"):
        raise DataFailure(f"{path} was stored with shuffle_shards, so that its rows are not in the order of its tokens: collect it again without")
    shards = listed(path, r"shard_\d+\.memmap", "shard_0.memmap")
    if config.get("shard_count", len(shards)) != len(shards):
        raise DataFailure(f"{path} holds {len(shards)} shards, its config.json says {config['shard_count']}")
    around = os.path.dirname(os.path.abspath(path))
    tokens, ranges = (load_torch(f) if os.path.exists(f) else None for f in (os.path.join(around, n) for n in ("tokens.pt", "sequence_ranges.pt")))
    metas = [read_json(s.removesuffix(".memmap") + ".meta") for s in shards]
    rows = sum(m["shape"][0] for m in metas)
    if tokens is not None and len(tokens) != rows:
        raise DataFailure(f"{around}/tokens.pt has {len(tokens)} tokens, the shards of {path} have {rows} rows")
    begins = None
    if ranges is not None:
        begins = ranges.numpy() if ranges.dim() == 1 else ranges[:, 0].numpy()
        begins = np.unique(begins[begins < rows])
        if not len(begins) or begins[0] != 0:
            raise DataFailure(f"{around}/sequence_ranges.pt does not begin at row 0")
    at = 0
    for shard, meta in zip(shards, metas):
        kind = meta.get("dtype", "float32").removeprefix("torch.")
        stored = np.dtype(np.uint16 if kind == "bfloat16" else kind)
        wanted = int(np.prod(meta["shape"])) * stored.itemsize
        if os.path.getsize(shard) != wanted:
            raise DataFailure(f"{shard} has {os.path.getsize(shard)} bytes, its .meta says {wanted}: it is cut off")
        values = np.memmap(shard, stored, "r", shape=tuple(meta["shape"]))
        span = np.arange(at, at + len(values))
        of = None if begins is None else np.searchsorted(begins, span, side="right") - 1
        yield Array(
            shard,
            Bits(values) if kind == "bfloat16" else values,
            None if tokens is None else tokens[at : at + len(values)],
            of,
            None if of is None else span - begins[of],
            None if of is None else len(begins) if shard == shards[-1] else 0,
        )
        at += len(values)


class Bits:
    """An array of the bits of bfloat16, as the tensors that they are."""

    def __init__(self, bits):
        self.bits = bits
        self.shape = bits.shape

    def __getitem__(self, rows):
        return torch.from_numpy(np.array(self.bits[rows])).view(torch.bfloat16)


def llamascopium(path, column):
    """Chunks of a hook point: shard-R-chunk-N or chunk-N, as safetensors or .pt, with the keys activation and tokens."""
    for file in listed(path, r"(shard-\d+-)?chunk-\d+\.(pt|safetensors)", "shard-0-chunk-00000000.safetensors"):
        arrays = safetensors_of(file) if file.endswith(".safetensors") else load_torch(file)
        if "activation" not in arrays:
            raise DataFailure(f"{file} has no key activation: {nearest('activation', arrays)}")
        values, tokens = arrays["activation"], arrays.get("tokens")
        if len(shape_of(values)) == 4:
            # Batches of sequences.
            values, tokens = values[:].flatten(0, 1), None if tokens is None else tokens[:].flatten(0, 1)
        yield Array(f"{file} activation", values, tokens, unaligned=" that were mixed in a buffer before they were written")


def numpy_files(path, column):
    """NAME.npy with the activations; beside it, if there are, NAME.token_ids.npy, NAME.document.npy and NAME.position.npy."""
    for file in listed(path, r"(?!.*\.(token_ids|tokens|input_ids|document|position)\.npy$).*\.npy", ".npy file"):
        stem = file.removesuffix(".npy")

        def beside(*names):
            return next((load_numpy(f"{stem}.{n}.npy") for n in names if os.path.exists(f"{stem}.{n}.npy")), None)

        yield Array(file, load_numpy(file), beside(*TOKEN_NAMES), beside("document"), beside("position"))


def safetensors_files(path, column):
    """One tensor of activations, and if there are token_ids, document and position."""
    for file in listed(path, r".*\.safetensors", ".safetensors file"):
        arrays = safetensors_of(file)
        others = [n for n in arrays if n not in (*TOKEN_NAMES, "document", "position")]
        name = column or (others[0] if len(others) == 1 else None)
        if name not in arrays:
            asked = f"no key {column}" if column else f"{len(others)} keys that may hold activations: give --column"
            raise DataFailure(f"{file} has {asked}: {nearest(column or '', others)}")
        tokens = next((arrays[n] for n in TOKEN_NAMES if n in arrays), None)
        yield Array(f"{file} {name}", arrays[name], tokens, arrays.get("document"), arrays.get("position"))


READERS = {
    "saelens": saelens,
    "dictionary-learning": dictionary_learning,
    "llamascopium": llamascopium,
    "numpy": numpy_files,
    "safetensors": safetensors_files,
}


def read_json(file):
    try:
        with open(file, encoding="utf-8") as text:
            return json.load(text)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DataFailure(f"{file} is not JSON: {one_line(error)}") from None


def load_torch(file):
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # a file that is not of torch raises whatever its bytes look like
        raise DataFailure(f"{file} cannot be read by torch.load: {one_line(error)}") from None


def load_numpy(file):
    try:
        return np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataFailure(f"{file} is not an array of NumPy, or is cut off: {one_line(error)}") from None


def safetensors_of(file):
    """{key: slices of its tensor}."""
    import safetensors

    try:
        opened = safetensors.safe_open(file, "pt")
        return {key: opened.get_slice(key) for key in opened.keys()}
    except (safetensors.SafetensorError, OSError) as error:
        raise DataFailure(f"{file} cannot be read: {one_line(error)}") from None
