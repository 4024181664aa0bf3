"""`ontogeny-capture convert`: activation stores of other libraries as captures."""

import argparse
import hashlib
import os
import re

import numpy as np
import pyarrow as pa

from . import peers
from . import plan as plans
from .failures import DataFailure, SettingsFailure
from .hooks import Oddities, stored
from .models import DTYPES
from .progress import Progress, say, warn
from .settings import BYTES, whole
from .sequences import part_name
from .site_file import numbers, parquet_writer, vector_type, vectors
from .stores import abandon, open_store, read_json, write_json

# What tokens the conversions into a folder have: those of all sites and checkpoints must be the same.
TOKENS = "_converted.json"

EXAMPLES = """\
stores:
  saelens              a folder of cached activations (new_cached_activations_path), or Parquet files of it from the hub
  dictionary-learning  a folder of Activault's files {states, input_ids}, or of shard_0.memmap, … with tokens.pt beside it
  llamascopium         a hook point's folder of shard-0-chunk-00000000.safetensors, … (or .pt): {activation, tokens}
  numpy                .npy files of [sequences, positions, width]; X.token_ids.npy beside X.npy has [sequences, positions]
  safetensors          files with such a tensor, and token_ids if there are
  numpy and safetensors may also have [rows, width], with document and position [rows] beside it.

examples:
  ontogeny-capture convert --from saelens cache/step0 --out capture --site blocks.3.hook_resid_post --checkpoint 0
  ontogeny-capture convert --from saelens cache/step1000 --out capture --site blocks.3.hook_resid_post --checkpoint 1000
  ontogeny-capture convert --from dictionary-learning run/layer_12 --tokenizer gpt2 --out capture --site blocks.12.hook_resid_post --checkpoint 7
  ontogeny-capture convert --from llamascopium acts/blocks.5.hook_mlp_out --out s3://bucket/capture --site blocks.5.hook_mlp_out --checkpoint 0
  ontogeny-capture convert --from numpy layer5/ --sequence-length 256 --out capture --site layer5 --checkpoint 0
"""


def run(arguments):
    Conversion(parser().parse_args(arguments)).run()


def parser():
    from .command import Parser

    top = Parser(
        prog="ontogeny-capture convert",
        description="Writes activations that another library has stored as a capture. Sites and checkpoints go into one folder, one command each; "
        "it is an error if their tokens differ.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("inputs", metavar="INPUT", nargs="+", help="folders or files, in the order of their documents")
    top.add_argument("--from", dest="kind", choices=tuple(peers.READERS), required=True, help="who wrote them")
    top.add_argument("--out", metavar="FOLDER", required=True, help="the capture: a folder, s3://… or gs://…")
    top.add_argument("--site", metavar="NAME", required=True, help="where in the model they were taken, such as blocks.3.hook_resid_post")
    top.add_argument("--checkpoint", metavar="N", type=int, required=True, help="the training step")
    top.add_argument("--dtype", choices=tuple(BYTES), help="to store (default: as it is; float32 for float64)")
    top.add_argument("--column", metavar="NAME", help="the column or key of the activations, where there are several")
    top.add_argument("--tokenizer", metavar="HUB_OR_FOLDER", help="adds the text of each token id, and label_special")
    top.add_argument("--sequence-length", metavar="N", type=whole, help="rows [rows, width] are sequences of N tokens, one after another")
    top.add_argument("--rows-as-documents", action="store_true", help="rows [rows, width] are documents of one token")
    top.add_argument("--stored-as", choices=("bfloat16",), help="whole numbers of 16 bits are the bits of bfloat16")
    return top


class Conversion:
    """A run of the command."""

    def __init__(self, options):
        self.options = options
        if options.sequence_length is not None and options.sequence_length < 1:
            raise SettingsFailure(f"--sequence-length is {options.sequence_length}; it must be at least 1")
        if options.sequence_length and options.rows_as_documents:
            raise SettingsFailure("--sequence-length and --rows-as-documents exclude each other")
        self.flat = peers.Flat(options.rows_as_documents, options.sequence_length)
        self.store = open_store(options.out)
        self.folder = plans.folder(options.site, options.checkpoint)
        self.dtype = options.dtype
        self.texts = self.special = None
        self.oddities = Oddities()
        self.keys = hashlib.sha256()
        self.rows = self.parts = 0

    def run(self):
        for path in self.options.inputs:
            if not os.path.exists(path):
                raise SettingsFailure(f"{path}: there is no such file or folder")
        with self.store.claim(self.folder, f"site {self.options.site} at checkpoint {self.options.checkpoint}"):
            self.convert()

    def convert(self):
        self.require_room()
        if self.options.tokenizer:
            self.read_tokenizer()
        with Progress(f"{self.options.site} at {self.options.checkpoint}", unit="row") as progress:
            blocks = self.blocks(progress)
            block = next(blocks, None)
            while block is not None:
                block = self.write_part(block, blocks)
        if not self.rows:
            raise DataFailure(f"{', '.join(self.options.inputs)}: there are no rows")
        self.require_same_tokens()
        with self.store.create(f"{self.folder}/_SUCCESS"):
            pass
        for line in told(self.oddities, self.dtype):
            warn(line)
        say(f"{self.rows:,} rows of {self.width} {self.dtype} numbers: {self.store}/{self.folder}")

    def require_room(self):
        """The site and checkpoint must be new, or left unfinished by a run of this command that died."""
        if self.store.size(plans.NAME) is not None:
            raise SettingsFailure(f"{self.store} holds a capture that was made from a model: convert into another --out")
        found = self.store.listing(self.folder)
        if "_SUCCESS" in found:
            raise SettingsFailure(f"{self.store}/{self.folder} is there already: give another --site, --checkpoint or --out, or delete it")
        for name in found:
            if not re.fullmatch(r"part-\d+\.parquet|_part-\d+\.parquet\.writing", name):
                raise SettingsFailure(f"{self.store}/{self.folder} holds {name}, which is not of this command: give another --out")
            self.store.delete(f"{self.folder}/{name}")

    def read_tokenizer(self):
        from .models import load_tokenizer
        from .pieces import token_texts
        from .tokenising import special_ids

        tokenizer = load_tokenizer(self.options.tokenizer, None, False)
        self.texts, self.special = token_texts(tokenizer), sorted(special_ids(tokenizer))

    def blocks(self, progress):
        """The blocks of all inputs, with activations in the type to be stored."""
        document, self.width, self.has_tokens = 0, None, None
        for path in self.options.inputs:
            for array in peers.READERS[self.options.kind](path, self.options.column):
                self.require_like_the_first(array)
                for block in array.blocks(document, self.flat, self.options.stored_as):
                    self.dtype = self.dtype or str(block.activations.dtype).removeprefix("torch.").replace("float64", "float32")
                    block.activations, odd = stored(block.activations, DTYPES[self.dtype])
                    self.oddities = self.oddities.plus(odd)
                    yield block
                    progress.add(len(block.position))
                document += array.documents(self.flat)

    def require_like_the_first(self, array):
        width, has_tokens = peers.shape_of(array.values)[-1], array.token_id is not None
        if self.width not in (None, width):
            raise DataFailure(f"{array.where} is {width} wide, before it were {self.width}")
        if self.has_tokens not in (None, has_tokens):
            raise DataFailure(f"{array.where} has {'' if has_tokens else 'no '}token ids, before it were {'none' if has_tokens else 'some'}")
        if self.texts is not None and not has_tokens:
            raise SettingsFailure(f"--tokenizer: {array.where} has no token ids ({', '.join(peers.TOKEN_NAMES)})")
        self.width, self.has_tokens = width, has_tokens

    def write_part(self, block, blocks):
        """A file of about 256 MiB that begins with a block; gives the block after it."""
        row = plans.row_bytes(self.width, self.dtype, False)
        with self.store.create(f"{self.folder}/{part_name(self.parts)}") as file:
            writer = parquet_writer(file, self.schema(), ["activation"], self.dtype)
            try:
                rows = 0
                while block is not None and rows * row < plans.FILE_BYTES:
                    group = []
                    while block is not None and sum(len(b.position) for b in group) * row < plans.GROUP_BYTES:
                        group.append(block)
                        block = next(blocks, None)
                    table = self.table(group)
                    writer.write_table(table, row_group_size=len(table))
                    rows += len(table)
                writer.close()
            except BaseException:
                abandon(writer)
                raise
        self.parts += 1
        self.rows += rows
        return block

    def schema(self):
        fields = [pa.field("document", pa.int64(), nullable=False), pa.field("position", pa.int32(), nullable=False)]
        if self.has_tokens:
            fields.append(pa.field("token_id", pa.int32(), nullable=False))
        if self.texts is not None:
            fields += [pa.field("token", pa.string()), pa.field("label_special", pa.bool_())]
        return pa.schema([*fields, pa.field("activation", vector_type(self.dtype), nullable=False)])

    def table(self, blocks):
        columns = [np.concatenate([b.document for b in blocks]), np.concatenate([b.position for b in blocks])]
        if self.has_tokens:
            columns.append(np.concatenate([b.token_id for b in blocks]))
        self.note_keys(columns)
        arrays = [pa.array(c) for c in columns]
        if self.texts is not None:
            arrays += self.token_columns(columns[2])
        activations = vectors([numbers(b.activations, self.dtype) for b in blocks], self.dtype)
        return pa.table([*arrays, activations], schema=self.schema())

    def token_columns(self, ids):
        largest = int(ids.max(initial=-1))
        if largest >= len(self.texts) or ids.min(initial=0) < 0:
            raise DataFailure(f"there is the token id {largest if largest >= len(self.texts) else int(ids.min())}; the --tokenizer has 0 to {len(self.texts) - 1}")
        return [self.texts.take(pa.array(ids)), pa.array(np.isin(ids, self.special))]

    def note_keys(self, columns):
        """Row by row, so that the digest does not depend on how rows lie in groups and files."""
        self.keys.update(np.stack([c.astype("<i8") for c in columns], axis=1).tobytes())

    def require_same_tokens(self):
        mine = {"version": 1, "rows": self.rows, "token_ids": self.has_tokens, "digest": self.keys.hexdigest()}
        others = read_json(self.store, TOKENS)
        if others is None:
            write_json(self.store, TOKENS, mine)
        elif others != mine:
            for number in range(self.parts):
                self.store.delete(f"{self.folder}/{part_name(number)}")
            what = f"{self.rows:,} rows, not {others['rows']:,}" if others["rows"] != self.rows else "other token ids, documents or positions"
            raise DataFailure(
                f"{', '.join(self.options.inputs)} has {what} than what {self.store} holds of other sites and checkpoints: "
                "a capture has the same tokens in the same order everywhere; convert into another --out, or store the activations of the same tokens"
            )


def told(odd, dtype):
    if odd.beyond:
        yield f"{odd.beyond:,} numbers are beyond {dtype} and were written as infinite: use --dtype bfloat16 or float32"
    if odd.not_finite:
        yield f"{odd.not_finite:,} numbers are infinite or NaN in the store"
