"""What a capture is: its settings, its tokens and how they lie in files. Written once, to `_capture.json`; every run reads it.

What has been done of a checkpoint is in `_checkpoints/N.json`, one file for each, so that several runs may share a capture.
"""

import dataclasses
import urllib.parse

from .failures import SettingsFailure
from .settings import BYTES
from .stores import read_json, write_json
from .version import VERSION

NAME = "_capture.json"
FILE_BYTES = 256 << 20
GROUP_BYTES = 64 << 20
# Row groups of all sites are filled at the same time: together they take about this at most, while none is below the least.
ALL_GROUPS_BYTES = 2 << 30
LEAST_GROUP_BYTES = 4 << 20
# Sequences are sorted by length within a window, so that little is padded; its activations are in memory.
WINDOW_BATCHES = 8
WINDOW_BYTES = 512 << 20


@dataclasses.dataclass
class Plan:
    """`settings` decide the bytes; the rest follows from them, the model and the dataset."""

    settings: dict
    sites: list
    tokens: int
    documents: int
    sequences: int
    skipped: dict
    parts: list
    labels: dict
    roles: bool
    texts: bool
    largest_token_id: int
    window_tokens: int

    @staticmethod
    def read(store):
        found = read_json(store, NAME)
        if found is None:
            return None
        if found.get("version") != 1:
            raise SettingsFailure(f"{store}/{NAME} has version {found.get('version')}; this ontogeny-capture {VERSION} knows version 1")
        return Plan(**{f.name: found[f.name] for f in dataclasses.fields(Plan)})

    def write(self, store):
        write_json(store, NAME, {"version": 1, "written_by": f"ontogeny-capture {VERSION}", **dataclasses.asdict(self)})

    def bytes_of_part(self, site, number):
        """About; labels and token texts take little."""
        return self.parts[number]["tokens"] * row_bytes(site["width"], self.settings["dtype"], self.settings["gradients"])

    @property
    def total_bytes(self):
        """Of a checkpoint."""
        return sum(self.bytes_of_part(site, n) for site in self.sites for n in range(len(self.parts)))


def row_bytes(width, dtype, gradients):
    """A row's bytes in a file: the vectors, and about 8 for everything else."""
    return width * BYTES[dtype] * (2 if gradients else 1) + 8


def default_part_tokens(widths, dtype, gradients):
    """Tokens of a file such that the largest site's takes about 256 MiB."""
    return max(1, FILE_BYTES // row_bytes(max(widths), dtype, gradients))


def group_rows(widths, dtype, gradients):
    """Rows of a row group at each site."""
    goal = min(GROUP_BYTES, max(LEAST_GROUP_BYTES, ALL_GROUPS_BYTES // len(widths)))
    return [max(1, goal // row_bytes(w, dtype, gradients)) for w in widths]


def window_tokens(widths, dtype, gradients, batch_tokens):
    """Tokens of a window."""
    row = sum(row_bytes(w, dtype, gradients) for w in widths)
    return max(batch_tokens, min(WINDOW_BATCHES * batch_tokens, WINDOW_BYTES // row))


def folder(site, checkpoint):
    """site=…/checkpoint=…, as Hive has them: what a path cannot hold is percent-encoded."""
    return f"site={urllib.parse.quote(site, safe='._-')}/checkpoint={checkpoint}"


def require_same(store, plan, settings):
    """An output goes on only with the settings with which it was begun."""
    for key in [*plan.settings, *(k for k in settings if k not in plan.settings)]:
        before, now = plan.settings.get(key), settings.get(key)
        if before != now:
            raise SettingsFailure(
                f"{store} was begun with {key} = {before}, --resume asks for {now}: use the same, or another --out"
            )
