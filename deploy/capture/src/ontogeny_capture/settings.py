"""The settings of a capture, from the command line; a wrong one cannot be built."""

import argparse
import dataclasses
import os

from .failures import SettingsFailure

# Bytes of a number in each type that activations may be stored in.
BYTES = {"float16": 2, "bfloat16": 2, "float32": 4}

RESERVED_LABELS = ("special", "role", "pair", "side")


@dataclasses.dataclass(frozen=True)
class Settings:
    sites: tuple
    out: str
    model: str | None = None
    revisions: tuple = ()
    checkpoints: tuple = ()
    checkpoint_numbers: tuple = ()
    interpolate: tuple = ()
    loader: str | None = None
    tokenizer: str | None = None
    trust_remote_code: bool = False
    dataset: str | None = None
    dataset_config: str | None = None
    dataset_revision: str | None = None
    split: str = "train"
    text_column: str = "text"
    document_column: str | None = None
    labels: tuple | None = None
    shuffle_seed: int | None = None
    pairs: str | None = None
    tokens: int | None = None
    context: int | None = None
    repeat_bos: bool = False
    dtype: str = "float16"
    gradients: bool = False
    loss: bool = False
    shard_tokens: int | None = None
    compute_dtype: str = "auto"
    device: str = "auto"
    batch_tokens: int | None = None
    resume: bool = False
    dry_run: bool = False

    def __post_init__(self):
        problems = []

        def wrong(condition, message):
            if condition:
                problems.append(message)

        wrong(not self.sites, "--sites names no site")
        wrong(self.revisions and self.checkpoints, "--revisions and --checkpoints exclude each other")
        wrong(self.revisions and not self.model and not self.loader, "--revisions needs --model, whose revisions they are")
        wrong(
            not (self.model or self.checkpoints or self.revisions or self.interpolate),
            "there is no model: give --model and --revisions, or --checkpoints FOLDER/step*/",
        )
        wrong(self.dataset and self.pairs, "--dataset and --pairs exclude each other")
        wrong(not self.dataset and not self.pairs and not self.loader, "there is no text: give --dataset or --pairs")
        wrong(self.dataset and self.tokens is None, "--tokens is missing: a number, or all")
        wrong(self.pairs and self.shuffle_seed is not None, "--shuffle-seed has no meaning with --pairs")
        wrong(self.pairs and self.document_column, "--document-column has no meaning with --pairs, whose documents are numbered")
        wrong(self.pairs and not os.path.isfile(os.path.expanduser(self.pairs)), f"--pairs {self.pairs}: there is no such file")
        wrong(self.repeat_bos and self.pairs, "--repeat-bos has no meaning with --pairs, which are never cut")
        for option, value in (("tokens", self.tokens), ("context", self.context), ("shard-tokens", self.shard_tokens), ("batch-tokens", self.batch_tokens)):
            wrong(value is not None and value != 0 and value < 1 or value == 0 and option != "tokens", f"--{option} is {value}; it must be at least 1")
        wrong(self.context is not None and self.context < 2 and self.repeat_bos, "--repeat-bos needs a --context of at least 2")
        for label in self.labels or ():
            wrong(label in RESERVED_LABELS, f"--labels {label}: the column label_{label} is this command's own; rename the dataset's")
        for first, second, weight in self.interpolate:
            wrong(not 0 <= weight <= 1, f"--interpolate {first}:{second}:{weight:g}: the weight must be between 0 and 1")
        if problems:
            raise SettingsFailure("; ".join(problems))

    @property
    def wanted_tokens(self):
        """Tokens to capture; None takes all there are."""
        return None if not self.tokens else self.tokens

    @property
    def with_loss(self):
        return self.loss or self.gradients


def whole(text):
    """A whole number, also written as 1_000_000, 1,000,000, 1e6, 10M or 2k."""
    plain = text.replace("_", "").replace(",", "")
    factor = {"k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9}.get(plain[-1:].lower(), 1)
    try:
        number = float(plain[:-1] if factor > 1 else plain) * factor
        if number != int(number):
            raise ValueError
        return int(number)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number") from None


def number_of_tokens(text):
    """0 stands for all."""
    if text == "all":
        return 0
    number = whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} tokens; it must be at least 1, or all")
    return number


def listed(text):
    return tuple(item.strip() for item in text.split(",") if item.strip())


def weighted(text):
    points = []
    for item in listed(text):
        parts = item.rsplit(":", 2)
        try:
            points.append((parts[0], parts[1], float(parts[2])))
        except (ValueError, IndexError):
            raise argparse.ArgumentTypeError(f"{item} is not of the form step1000:step2000:0.5") from None
    return tuple(points)


def numbered(text):
    pairs = []
    for item in listed(text):
        name, _, number = item.rpartition("=")
        try:
            pairs.append((name, int(number)))
        except ValueError:
            raise argparse.ArgumentTypeError(f"{item} is not of the form name=number") from None
    return tuple(pairs)
