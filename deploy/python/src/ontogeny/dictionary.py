"""Published dictionaries as numpy and torch, without a JVM."""

from __future__ import annotations

import json
import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np

from .failures import OntogenyError

if TYPE_CHECKING:
    import torch

LARGEST_OF_ROW = {"top-k", "k-means", "bisecting-k-means"}
ABOVE_THRESHOLD = {"batch-top-k", "matryoshka-batch-top-k", "jump-relu"}
BY_SOURCE = {"jump-relu-per-source"}
POSITIVE = {"relu", "pca", "nmf"}
KNOWN = LARGEST_OF_ROW | ABOVE_THRESHOLD | BY_SOURCE | POSITIVE


def tensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file, all of them little-endian float32 here."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    found = {}
    for name, said in header.items():
        start, end = said["data_offsets"]
        if said["dtype"] != "F32" or 8 + length + end > len(data):
            raise OntogenyError(f"{path}: tensor {name} should be F32 and lie within the file, its header says {said}")
        found[name] = np.frombuffer(data, "<f4", (end - start) // 4, 8 + length + start).reshape(said["shape"])
    return found


class Dictionary:
    """A dictionary of F latents over D columns.

    `metadata` is its `dictionary.json`, `tensors` its arrays by name: W_enc [D, F], b_enc [F], W_dec [F, D], b_dec [D], input_mean [D],
    input_scale [S], and threshold [F] where the type has one. Inputs and reconstructions are in the units of what was captured, codes in the
    dictionary's own.

    >>> dictionary = ontogeny.open(folder).dictionary()
    >>> dictionary.type, dictionary.width
    ('top-k', 24)
    >>> codes = dictionary.encode(dictionary.tensors["probe_input"])
    >>> codes.shape
    (32, 24)
    >>> dictionary.probe_error() < 1e-3
    True
    """

    def __init__(self, folder: pathlib.Path):
        self.metadata: dict[str, Any] = json.loads((folder / "dictionary.json").read_text(encoding="utf-8"))
        self.tensors = tensors(folder / "dictionary.safetensors")
        if self.type not in KNOWN:
            raise OntogenyError(f"{folder}: type {self.type} is not known here, only {sorted(KNOWN)}; its rule is: {self.metadata['rule']}")

    @property
    def id(self) -> str:
        return self.metadata["id"]

    @property
    def type(self) -> str:
        return self.metadata["type"]

    @property
    def width(self) -> int:
        """F, the number of latents."""
        return self.metadata["width"]

    @property
    def sources(self) -> list[dict[str, Any]]:
        """Site, checkpoint and width of what stands side by side in the columns."""
        return self.metadata["sources"]

    def __repr__(self) -> str:
        return f"Dictionary({self.id!r}, width={self.width}, sources={len(self.sources)})"

    def slices(self) -> list[slice]:
        """The columns of each source."""
        ends = np.cumsum([each["width"] for each in self.sources])
        return [slice(end - each["width"], end) for end, each in zip(ends.tolist(), self.sources)]

    def column_scale(self) -> np.ndarray:
        """input_scale of the source of every column, [D]."""
        return np.repeat(self.tensors["input_scale"], [each["width"] for each in self.sources])

    def gates(self) -> np.ndarray | None:
        """What a code has to exceed to count at each source, [S, F]; None where what fires counts at all of them."""
        if self.type not in BY_SOURCE:
            return None
        norms = np.stack([np.linalg.norm(self.tensors["W_dec"][:, columns], axis=1) for columns in self.slices()])
        with np.errstate(divide="ignore"):
            return np.where(norms > 0, self.tensors["threshold"] / norms, np.inf)

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """Codes [n, F] of inputs [n, D]."""
        t = self.tensors
        inputs = np.asarray(inputs, dtype=np.float32)
        if inputs.ndim != 2 or inputs.shape[1] != len(t["input_mean"]):
            raise OntogenyError(f"{self.id} reads rows of {len(t['input_mean'])} numbers, got an array of shape {inputs.shape}")
        pre = ((inputs - t["input_mean"]) * self.column_scale() - t["b_dec"]) @ t["W_enc"] + t["b_enc"]
        if self.type in ABOVE_THRESHOLD:
            return np.where(pre > t["threshold"], pre, 0)
        if self.type in BY_SOURCE:
            return np.where((pre > self.gates()[:, None, :]).any(axis=0), pre, 0)
        positive = np.maximum(pre, 0)
        if self.type in POSITIVE or self.metadata["k"] >= self.width:
            return positive
        codes = np.zeros_like(positive)
        # Of equal ones the first, as the kernels have it.
        largest = np.argsort(-positive, axis=1, kind="stable")[:, : self.metadata["k"]]
        np.put_along_axis(codes, largest, np.take_along_axis(positive, largest, axis=1), axis=1)
        return codes

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Reconstructions [n, D] of codes [n, F]."""
        t = self.tensors
        gates = self.gates()
        if gates is None:
            scaled = codes @ t["W_dec"]
        else:
            scaled = np.concatenate(
                [np.where(codes > gate, codes, 0) @ t["W_dec"][:, columns] for gate, columns in zip(gates, self.slices())], axis=1
            )
        return (scaled + t["b_dec"]) / self.column_scale() + t["input_mean"]

    def probe_error(self) -> float:
        """The largest difference to the codes and reconstructions that the file itself has of its probe batch, to the largest of these."""
        t = self.tensors
        codes = self.encode(t["probe_input"])
        back = self.decode(codes)
        pairs = [(codes, t["probe_code"]), (back, t["probe_reconstruction"])]
        if self.metadata.get("target") == "transcoder":
            written = self.slices()[1]
            pairs[1] = (back[:, written], t["probe_reconstruction"][:, written])
        return max(float(np.abs(ours - theirs).max() / np.abs(theirs).max()) for ours, theirs in pairs)

    def torch(self) -> "torch.nn.Module":
        """The same as a module: `encode`, `decode`, and `forward`, which reconstructs. Its parameters are those tensors, by their names.

        >>> import torch
        >>> module = ontogeny.open(folder).dictionary().torch()
        >>> with torch.no_grad():
        ...     module(torch.zeros(2, 8)).shape
        torch.Size([2, 8])
        """
        from .modules import DictionaryModule

        return DictionaryModule(self)
