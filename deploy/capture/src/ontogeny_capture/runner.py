"""Runs a model over sequences in batches, and gives what the sites have and lose there, row by row."""

import dataclasses
import inspect

import numpy as np
import torch

from .failures import DataFailure, SettingsFailure
from .hooks import Oddities, Recorder
from .loader import Document, Loader
from .losses import next_token_losses
from .models import DTYPES
from .sequences import Sequence
from .site_file import numbers


@dataclasses.dataclass
class Item:
    """A sequence, at which row of its file it begins, and its inputs where a loader gives them."""

    sequence: Sequence
    row: int
    document: Document | None = None

    def shape(self):
        """Items of one shape can run together."""
        if self.document is None:
            return ()
        return (self.sequence.length, *((n, np.shape(v)) for n, v in sorted(self.document.inputs.items())))


@dataclasses.dataclass
class Result:
    """Rows of a batch: {site: [rows, width]} as stored, losses [rows] or None (NaN where there is none), {site: Oddities}."""

    activations: dict
    gradients: dict
    losses: np.ndarray | None
    oddities: dict


def windows(items, tokens):
    """Consecutive items of about so many tokens at most."""
    window, total = [], 0
    for item in items:
        if window and total + item.sequence.length > tokens:
            yield window
            window, total = [], 0
        window.append(item)
        total += item.sequence.length
    if window:
        yield window


def batches(window, tokens):
    """The items of a window in batches of at most so many tokens with padding, longest first, of one shape each."""
    order = sorted(window, key=lambda i: (-i.sequence.length, str(i.shape())))
    batch = []
    for item in order:
        if batch and ((len(batch) + 1) * batch[0].sequence.length > tokens or item.shape() != batch[0].shape()):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


class Runner:
    """A model with its sites, as a context."""

    def __init__(self, model, sites, device, dtype, gradients, with_loss, loader=None, input_dtype=None):
        self.model = model
        self.device = device
        self.dtype = dtype
        self.gradients = gradients
        self.with_loss = with_loss
        self.loader = loader
        self.input_dtype = input_dtype
        self.recorder = Recorder(model, sites, DTYPES[dtype], gradients, not with_loss, None if loader is None else loader.rows)
        accepted = inspect.signature(model.forward).parameters
        any_name = any(p.kind == p.VAR_KEYWORD for p in accepted.values())
        self.takes_mask = "attention_mask" in accepted or any_name
        self.takes_names = "input_ids" in accepted or any_name
        if hasattr(getattr(model, "config", None), "use_cache"):
            # Keys and values are kept for the next token, and there is none.
            model.config.use_cache = False

    def __enter__(self):
        self.recorder.__enter__()
        return self

    def __exit__(self, *exception):
        self.recorder.__exit__(*exception)

    def run(self, batch):
        """The rows of a batch, item by item."""
        lengths = torch.tensor([i.sequence.length for i in batch])
        kept = (torch.arange(int(lengths.max())) < lengths[:, None]).to(self.device)
        self.recorder.begin(kept)
        losses = total = None
        with torch.set_grad_enabled(self.gradients), self.recorder.passing():
            found = self.forward(batch, kept)
            if self.with_loss:
                losses, total = self.checked(found, kept)
        activations = self.recorder.activations()
        gradients = self.recorder.gradients_of(total) if self.gradients else {}
        oddities = {s: o.plus(gradients[s][1] if s in gradients else Oddities()) for s, (_, o) in activations.items()}
        return Result(
            {s: numbers(v, self.dtype) for s, (v, _) in activations.items()},
            {s: numbers(v, self.dtype) for s, (v, _) in gradients.items()},
            None if losses is None else losses[kept].float().cpu().numpy(),
            oddities,
        )

    def forward(self, batch, kept):
        if batch[0].document is not None:
            return self.loader.loss(self.model, self.stacked(batch))
        ids = torch.zeros(kept.shape, dtype=torch.long)
        for row, item in enumerate(batch):
            ids[row, : item.sequence.length] = torch.tensor(item.sequence.token_ids)
        ids = ids.to(self.device)
        inputs = {"input_ids": ids}
        if self.takes_mask and not bool(kept.all()):
            inputs["attention_mask"] = kept.long()
        if self.loader is not None and type(self.loader).loss is not Loader.loss:
            return self.loader.loss(self.model, inputs)
        output = self.model(**inputs) if self.takes_names else self.model(ids)
        if not self.with_loss:
            return None
        logits = output if torch.is_tensor(output) else getattr(output, "logits", None)
        if logits is None:
            raise SettingsFailure(f"--loss: the model gives a {type(output).__name__} without logits; a loader's loss(model, inputs) can give losses")
        return next_token_losses(logits, ids, kept)

    def stacked(self, batch):
        inputs = {}
        for name in batch[0].document.inputs:
            tensor = torch.from_numpy(np.stack([np.asarray(i.document.inputs[name]) for i in batch])).to(self.device)
            inputs[name] = tensor.to(self.input_dtype) if self.input_dtype is not None and tensor.is_floating_point() else tensor
        return inputs

    def checked(self, losses, kept):
        """Losses [documents, positions] without gradients, and their sum, None if there are none."""
        if losses is None:
            raise SettingsFailure("--loss and --gradients need a loss: the loader's loss(model, inputs) gives None")
        if not torch.is_tensor(losses) or tuple(losses.shape) not in (tuple(kept.shape), (len(kept),)):
            shape = list(losses.shape) if torch.is_tensor(losses) else type(losses).__name__
            raise SettingsFailure(f"the loader's loss(model, inputs) gives {shape}; it must give [{len(kept)}] or {list(kept.shape)}")
        there = ~torch.isnan(losses.detach())
        total = losses[there].sum() if bool(there.any()) else None
        rows = losses.detach()
        return (rows[:, None].expand(kept.shape) if rows.dim() == 1 else rows), total


def items_of(sequences, documents=None):
    """Items in the order of their rows; with documents, an iterator that goes through them beside the sequences."""
    from .loader import digest

    row = 0
    for sequence in sequences:
        document = None
        if documents is not None:
            document = next(documents, None)
            if document is None:
                raise DataFailure(f"the loader gives fewer documents than at first: document {sequence.document} is missing")
            if digest(document) != sequence.digest:
                raise DataFailure(f"the loader gives another document {sequence.document} than at first: documents() must give the same at every call")
        yield Item(sequence, row, document)
        row += sequence.length
