"""A capture from beginning to end: the plan, the tokens, and checkpoint by checkpoint the activations."""

import contextlib
import itertools
import os
import platform
import time

import numpy as np
import pyarrow as pa
import torch

from . import checkpoints as all_checkpoints
from . import loader as loaders
from . import plan as plans
from . import tokenising
from .estimate import count, estimate, told_bytes
from .failures import DataFailure, ResourceFailure, SettingsFailure
from .hooks import Oddities
from .models import DTYPES, Models, choose_device, digest, load_tokenizer
from .pieces import token_texts
from .plan import Plan
from .progress import Progress, say, warn
from .rows import Rows, dataset_files
from .runner import Item, Runner, batches, items_of, windows
from .sequences import FOLDER, Sequence, delete_parts, part_name, read_part
from .site_file import LABELS, SiteFile
from .sites import resolve
from .stores import open_store, read_json, write_json
from .version import VERSION

DONE = "_checkpoints"
CONTEXT = 1024
BATCH_TOKENS = 4096

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json")


def run(settings):
    Capture(settings).run()


class Capture:
    """A run of the command."""

    def __init__(self, settings):
        self.settings = settings
        self.store = open_store(settings.out)
        self.loader = None if settings.loader is None else loaders.load(settings.loader)
        self.checkpoints = all_checkpoints.resolve(settings)
        self.device = choose_device(settings.device)
        self.tokenizer = None
        self.model = None
        self.first_sequences = []

    def run(self):
        if self.settings.dry_run:
            self.prepare()
            estimate(self)
            return
        # Runs that share a capture may begin together: one of them makes the plan.
        with self.store.claim("", "the plan", wait=True):
            self.prepare()
        self.tell_plan()
        self.require_space()
        self.texts = token_texts(self.tokenizer) if self.plan.texts else None
        warnings = []
        for number, checkpoint in enumerate(self.checkpoints):
            with self.store.claim(plans.folder(self.plan.sites[0]["site"], checkpoint.number), f"checkpoint {checkpoint.name}"):
                self.records = self.read_records()
                warnings += self.capture(checkpoint, number)
        for warning in dict.fromkeys(warnings):
            warn(warning)
        say(f"done: {self.store}")

    def prepare(self):
        """The plan, new or as it is there, and what has been done of it."""
        self.plan = Plan.read(self.store)
        self.require_ours()
        known = DTYPES.get(self.plan.settings["compute_dtype"]) if self.plan else None
        self.models = Models(self.settings, self.loader, self.device, known)
        if self.plan is None:
            self.make_plan()
        else:
            self.tokenizer = self.open_tokenizer(self.plan.texts)
            plans.require_same(self.store, self.plan, self.deciding(self.plan.settings))
        self.records = self.read_records()

    # The plan

    def require_ours(self):
        """What is there already must be a capture of this command that the user wants to go on with."""
        if self.plan is not None:
            if not self.settings.resume:
                raise SettingsFailure(f"{self.store} holds a capture: --resume goes on with it, another --out begins a new one")
            return
        # A run that died while it laid out the tokens leaves these.
        others = [n for n in self.store.listing() if n.rstrip("/") not in (FOLDER, DONE)]
        if others:
            raise SettingsFailure(f"{self.store} is not empty (it holds {others[0]}) and not a capture of this command: give another --out")

    def make_plan(self):
        settings, first = self.settings, self.checkpoints[0]
        documents = None if self.loader is None else self.loader.documents()
        if documents is not None and (settings.dataset or settings.pairs):
            raise SettingsFailure("the loader gives documents of its own: leave out --dataset and --pairs")
        if documents is None and not (settings.dataset or settings.pairs):
            raise SettingsFailure("there is no text: give --dataset or --pairs, or let the loader's documents() give documents")
        if settings.dataset:
            # Tells a wrong name before a large model is loaded.
            dataset_files(settings.dataset)
        say(f"loading {first.name}")
        self.model = (first, self.models.load(first))
        model = self.model[1]
        sites = resolve(settings.sites, model)
        deciding = self.deciding({"context": self.context_of(model), "compute_dtype": str(self.dtype_of(model)).removeprefix("torch.")})
        if documents is None:
            self.tokenizer = self.open_tokenizer(True)
            deciding["tokenizer"] = tokenising.identity(self.tokenizer)
            groups, source = self.groups_of_texts(deciding["context"])
            probe = Item(Sequence(0, 0, min(4, deciding["context"]), token_ids=[0] * min(4, deciding["context"])), 0)
        else:
            groups = loaders.DocumentSequences(documents, tokenising.LabelTypes([]))
            source = f"the loader {settings.loader}"
            # The first document is looked at before the others.
            groups = Peeked(groups)
            first_document = next(iter(self.loader.documents()), None)
            probe = None if first_document is None else Item(groups.first[0], 0, first_document)
        if probe is None:
            raise DataFailure(f"{source} has no documents")
        widths = self.probe(model, sites, probe)
        dtype, gradients = deciding["dtype"], deciding["gradients"]
        if deciding["shard_tokens"] is None:
            deciding["shard_tokens"] = plans.default_part_tokens(widths, dtype, gradients)
        shape = [widths, dtype, gradients]
        store = None if settings.dry_run else self.store
        if store is not None:
            delete_parts(store)
        written = False
        try:
            with Progress("tokens", settings.wanted_tokens) as progress:
                laid = tokenising.lay(self.watched(groups), store, deciding["shard_tokens"], settings.wanted_tokens, source, progress, groups)
            self.require_vocabulary(model)
            self.plan = Plan(
                settings=deciding,
                sites=[{"site": s.name, "width": w, "group_rows": g} for s, w, g in zip(sites, widths, plans.group_rows(*shape))],
                tokens=laid.tokens,
                documents=laid.documents,
                sequences=laid.sequences,
                skipped=groups.skipped,
                parts=laid.parts,
                labels=groups.label_types.found(),
                roles=bool(groups.chats),
                texts=documents is None,
                largest_token_id=self.largest,
                window_tokens=plans.window_tokens(*shape, deciding["batch_tokens"]),
            )
            if store is not None:
                self.plan.write(store)
                written = True
        finally:
            if store is not None and not written:
                delete_parts(store)
        skipped = tokenising.told_skipped(groups)
        if skipped:
            warn(f"{source}: left out: {skipped}")

    def deciding(self, known):
        """The settings that decide the bytes. `known` has what the command line may leave open."""
        s = self.settings
        context = s.context or known["context"]
        batch = s.batch_tokens or known.get("batch_tokens") or max(BATCH_TOKENS, context)
        if batch < context:
            raise SettingsFailure(f"--batch-tokens {batch} is less than --context {context}: a sequence must fit into a batch")
        compute = s.compute_dtype if s.compute_dtype != "auto" else known["compute_dtype"]
        return {
            "model": s.model,
            "loader": s.loader,
            "tokenizer": None if self.tokenizer is None else tokenising.identity(self.tokenizer),
            "sites": list(s.sites),
            "dtype": s.dtype,
            "gradients": s.gradients,
            "loss": s.with_loss,
            "dataset": s.dataset,
            "dataset_config": s.dataset_config,
            "dataset_revision": s.dataset_revision,
            "split": s.split,
            "text_column": s.text_column,
            "document_column": s.document_column,
            "labels": None if s.labels is None else list(s.labels),
            "shuffle_seed": s.shuffle_seed,
            "pairs": s.pairs,
            "tokens": s.wanted_tokens,
            "context": context,
            "repeat_bos": s.repeat_bos,
            "shard_tokens": s.shard_tokens or known.get("shard_tokens"),
            "batch_tokens": batch,
            "compute_dtype": compute,
        }

    def context_of(self, model):
        """The context: what the user says, or 1024, and no more than the model has positions."""
        config = getattr(model, "config", None)
        config = getattr(config, "text_config", config)
        most = getattr(config, "max_position_embeddings", None)
        wanted = self.settings.context
        if wanted is None:
            return min(CONTEXT, most or CONTEXT)
        if most and wanted > most:
            raise SettingsFailure(f"--context {wanted} is more than the {most} positions that the model has")
        return wanted

    def dtype_of(self, model):
        if self.models.dtype is not None:
            return self.models.dtype
        return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)

    def open_tokenizer(self, texts):
        if not texts:
            return None
        s = self.settings
        if s.tokenizer or s.model:
            source, revision = s.tokenizer or s.model, None
            if not s.tokenizer and os.path.isdir(source) and not has_tokenizer(source):
                source = self.checkpoints[0].source
        else:
            folders = [c.source for c in self.checkpoints if not c.interpolated]
            folders += [e["source"] for c in self.checkpoints if c.interpolated for e in c.interpolated[:2]]
            source, revision = next((f for f in folders if has_tokenizer(f)), folders[0]), None
            if self.loader is not None and not has_tokenizer(source):
                raise SettingsFailure("there is no tokenizer: give --tokenizer")
        return load_tokenizer(source, revision, s.trust_remote_code)

    def groups_of_texts(self, context):
        s = self.settings
        if s.pairs:
            return tokenising.PairSequences(os.path.expanduser(s.pairs), self.tokenizer, context, s.labels), s.pairs
        columns = [s.text_column, *(s.labels or ()), *([s.document_column] if s.document_column else [])]
        rows = Rows(s.dataset, columns, s.dataset_config, s.split, s.dataset_revision, s.shuffle_seed)
        return tokenising.TextSequences(rows, self.tokenizer, context, s.text_column, s.document_column, s.labels or (), s.repeat_bos), s.dataset

    def watched(self, groups):
        """Notes the largest token id, and the first sequences for an estimate."""
        self.largest, kept = -1, 0
        for group in groups:
            for sequence in group:
                if sequence.token_ids:
                    self.largest = max(self.largest, max(sequence.token_ids))
                if kept < 16 * BATCH_TOKENS:
                    kept += sequence.length
                    self.first_sequences.append(sequence)
            yield group

    def require_vocabulary(self, model):
        """A token that the model has no embedding for would end a run on a GPU without a word why."""
        embedding = model.get_input_embeddings() if hasattr(model, "get_input_embeddings") else None
        rows = getattr(embedding, "num_embeddings", None)
        if rows is not None and self.largest >= rows:
            raise SettingsFailure(f"the tokenizer gives the token id {self.largest}, the model has embeddings for 0 to {rows - 1}: give its own --tokenizer")

    def probe(self, model, sites, item):
        """The width of each site, from a few tokens."""
        with self.runner(model, sites) as runner:
            activations = runner.run([item]).activations
        return [activations[s.name].shape[1] for s in sites]

    def runner(self, model, sites):
        s = self.settings
        return Runner(model, sites, self.device, s.dtype, s.gradients, s.with_loss, self.loader, self.models.dtype)

    def tell_plan(self):
        plan = self.plan
        say(
            f"{plan.tokens:,} tokens in {count(plan.documents, 'document')}, {count(len(plan.sites), 'site')}, {count(len(self.checkpoints), 'checkpoint')}: "
            f"{told_bytes(plan.total_bytes * len(self.checkpoints))} in files of {told_bytes(max(plan.bytes_of_part(s, 0) for s in plan.sites))} at most; "
            f"{plan.settings['compute_dtype']} on {self.device}"
        )

    def require_space(self):
        free = self.store.free_bytes()
        if free is None:
            return
        left = sum(1 - self.share_done(c) for c in self.checkpoints) * self.plan.total_bytes
        if left > free:
            raise ResourceFailure(f"{self.store} has {told_bytes(free)} free, {told_bytes(left)} are needed: take fewer --tokens, --sites or checkpoints")

    # What has been done

    def read_records(self):
        """{number: record} of every checkpoint that some run has begun."""
        records = {}
        for name in sorted(self.store.listing(DONE)):
            stem = name.removesuffix(".json")
            if all_checkpoints.number_of(stem) is not None and not name.startswith("_"):
                records[int(stem)] = read_json(self.store, f"{DONE}/{name}")
        for checkpoint in self.checkpoints:
            record = records.get(checkpoint.number)
            if record is not None and record["name"] != checkpoint.name:
                raise SettingsFailure(
                    f"{self.store} has {record['name']} as checkpoint {checkpoint.number}, which now is {checkpoint.name}: "
                    f"give --checkpoint-numbers {checkpoint.name}=NUMBER"
                )
        return records

    def is_done(self, checkpoint, part, listings):
        """A file counts only with the size that was noted when it was complete."""
        record = self.records.get(checkpoint.number)
        noted = (record or {}).get("files", {}).get(part_name(part))
        return noted is not None and all(listings[s["site"]].get(part_name(part)) == noted["bytes"][s["site"]] for s in self.plan.sites)

    def listings(self, checkpoint):
        return {s["site"]: self.store.listing(plans.folder(s["site"], checkpoint.number)) for s in self.plan.sites}

    def share_done(self, checkpoint):
        if checkpoint.number not in self.records:
            return 0
        listings = self.listings(checkpoint)
        return sum(self.is_done(checkpoint, n, listings) for n in range(len(self.plan.parts))) / len(self.plan.parts)

    # A checkpoint

    def capture(self, checkpoint, number):
        """Captures a checkpoint, or what is missing of it; gives what is to be warned of at the end."""
        listings = self.listings(checkpoint)
        parts = range(len(self.plan.parts))
        missing = [n for n in parts if not self.is_done(checkpoint, n, listings)]
        if missing:
            model = self.load(checkpoint)
            self.open_record(checkpoint, model)
            sites = resolve([s["site"] for s in self.plan.sites], model)
            self.capture_parts(checkpoint, number, model, sites, missing)
            del model
        for site in self.plan.sites:
            folder = plans.folder(site["site"], checkpoint.number)
            if "_SUCCESS" not in listings[site["site"]]:
                with self.store.create(f"{folder}/_SUCCESS"):
                    pass
        return [*self.equal_checkpoints(checkpoint), *self.told_oddities(checkpoint)]

    def load(self, checkpoint):
        """The model of a checkpoint; the one before is let go first, so that there is only one."""
        held, self.model = self.model, None
        if held is not None and held[0] == checkpoint:
            return held[1]
        del held
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return self.models.load(checkpoint)

    def open_record(self, checkpoint, model):
        weights = digest(model)
        record = self.records.setdefault(
            checkpoint.number,
            {
                "name": checkpoint.name,
                "checkpoint": checkpoint.number,
                "source": checkpoint.source if checkpoint.revision is None else f"{checkpoint.source}@{checkpoint.revision}",
                "interpolated": None if checkpoint.interpolated is None else [checkpoint.interpolated[0]["name"], checkpoint.interpolated[1]["name"], checkpoint.interpolated[2]],
                "weights": weights,
                "device": device_name(self.device),
                "written_by": versions(),
                "files": {},
            },
        )
        if record["weights"] != weights:
            raise DataFailure(f"checkpoint {checkpoint.name} has other weights than when its first files were written: delete {self.store}/{DONE}/{checkpoint.number}.json to write it anew")
        if record["device"] != device_name(self.device):
            warn(f"checkpoint {checkpoint.name} was begun on {record['device']}; what {device_name(self.device)} computes may differ in the last bits")
        for warning in self.equal_checkpoints(checkpoint):
            warn(warning)

    def equal_checkpoints(self, checkpoint):
        mine = self.records.get(checkpoint.number)
        return [
            f"checkpoints {checkpoint.name} and {other['name']} have exactly the same weights: one of them is not what its name says"
            for number, other in sorted(self.records.items())
            if mine is not None and number != checkpoint.number and other["weights"] == mine["weights"]
        ]

    def told_oddities(self, checkpoint):
        totals = {}
        for file in self.records[checkpoint.number]["files"].values():
            for site, counts in file["oddities"].items():
                totals[site] = totals.get(site, Oddities()).plus(Oddities(*counts))
        return [line for site, odd in totals.items() for line in told_oddities(checkpoint.name, site, odd, self.plan.settings["dtype"])]

    def capture_parts(self, checkpoint, number, model, sites, missing):
        what = f"{checkpoint.name} ({number + 1} of {len(self.checkpoints)})"
        documents = None if self.plan.texts else iter(self.loader.documents())
        losses = [0.0, 0]
        began = time.monotonic()
        with self.runner(model, sites) as runner, Progress(what, self.plan.tokens) as progress:
            for part in range(len(self.plan.parts)):
                if part not in missing:
                    progress.skip(self.plan.parts[part]["tokens"])
                    if documents is not None:
                        next(itertools.islice(documents, self.plan.parts[part]["sequences"] - 1, None), None)
                    continue
                self.capture_part(checkpoint, part, runner, sites, documents, progress, losses)
        seconds = time.monotonic() - began
        told = f", mean loss {losses[0] / losses[1]:.4f}" if losses[1] else ""
        say(f"{what}: {progress.counted:,} tokens, {progress.counted / max(seconds, 1e-9):,.0f} a second{told}")

    def capture_part(self, checkpoint, part, runner, sites, documents, progress, losses):
        """One file at every site; all of them appear when the last row has been computed, or none."""
        plan = self.plan
        sequences = list(read_part(self.store, part))
        keys = key_columns(sequences, self.texts, plan.labels, plan.roles)
        loss = np.full(keys.num_rows, np.nan, np.float32) if plan.settings["loss"] else None
        names = {s["site"]: f"{plans.folder(s['site'], checkpoint.number)}/{part_name(part)}" for s in plan.sites}
        oddities = {}
        for name in names.values():
            self.store.delete_unfinished(name.rpartition("/")[0])
        with contextlib.ExitStack() as stack:
            files = {}
            for site in plan.sites:
                file = stack.enter_context(self.store.create(names[site["site"]]))
                writer = SiteFile(file, keys, site["width"], plan.settings["dtype"], site["group_rows"], plan.settings["gradients"], loss)
                files[site["site"]] = stack.enter_context(writer)
            for window in windows(items_of(sequences, documents), plan.window_tokens):
                self.capture_window(window, runner, files, loss, oddities, progress)
        if loss is not None:
            losses[0] += float(np.nansum(loss, dtype=np.float64))
            losses[1] += int(np.isfinite(loss).sum())
        self.records[checkpoint.number]["files"][part_name(part)] = {
            "rows": keys.num_rows,
            "bytes": {site: self.store.size(name) for site, name in names.items()},
            "oddities": {site: list(odd) for site, odd in oddities.items() if any(odd)},
        }
        write_json(self.store, f"{DONE}/{checkpoint.number}.json", self.records[checkpoint.number])

    def capture_window(self, window, runner, files, loss, oddities, progress):
        begin = window[0].row
        rows = sum(i.sequence.length for i in window)
        collected = {}
        for batch in batches(window, self.plan.settings["batch_tokens"]):
            result = runner.run(batch)
            for kind, values in (("activation", result.activations), ("gradient", result.gradients)):
                for site, found in values.items():
                    file = files[site]
                    if found.shape[1] != file.columns["activation"].shape[1]:
                        raise DataFailure(f"site {site} is {found.shape[1]} wide, at other checkpoints or tokens {file.columns['activation'].shape[1]}")
                    if (site, kind) not in collected:
                        collected[site, kind] = np.empty((rows, found.shape[1]), found.dtype)
                    scatter(batch, begin, found, collected[site, kind])
            if loss is not None:
                scatter(batch, 0, result.losses, loss)
            for site, odd in result.oddities.items():
                oddities[site] = oddities.get(site, Oddities()).plus(odd)
            progress.add(sum(i.sequence.length for i in batch))
        for site, file in files.items():
            file.append(**{kind: collected[site, kind] for kind in file.columns})


class Peeked:
    """A loader's sequences of which the first is known."""

    def __init__(self, groups):
        self.groups = groups
        self.iterator = iter(groups)
        self.first = next(self.iterator, None)

    def __iter__(self):
        return itertools.chain([] if self.first is None else [self.first], self.iterator)

    def __getattr__(self, name):
        return getattr(self.groups, name)


def scatter(batch, begin, rows, target):
    """Lays the rows of a batch where its items are."""
    at = 0
    for item in batch:
        length = item.sequence.length
        target[item.row - begin : item.row - begin + length] = rows[at : at + length]
        at += length


def key_columns(sequences, texts, labels, roles):
    """The columns that are the same at every site and checkpoint: [rows] of each."""
    lengths = np.array([s.length for s in sequences])
    repeated = np.repeat(np.arange(len(sequences)), lengths)
    document = pa.array([s.document for s in sequences], pa.string() if isinstance(sequences[0].document, str) else pa.int64())
    columns = {
        pa.field("document", document.type, nullable=False): document.take(pa.array(repeated)),
        pa.field("position", pa.int32(), nullable=False): pa.array(np.concatenate([np.arange(s.start, s.start + s.length) for s in sequences]), pa.int32()),
    }
    if texts is not None:
        ids = np.concatenate([np.array(s.token_ids, np.int32) for s in sequences])
        columns[pa.field("token_id", pa.int32(), nullable=False)] = pa.array(ids)
        columns[pa.field("token", pa.string())] = texts.take(pa.array(ids))
        columns[pa.field("label_special", pa.bool_())] = pa.array(list(itertools.chain.from_iterable(s.special for s in sequences)), pa.bool_())
    if roles:
        columns[pa.field("label_role", pa.string())] = pa.array(list(itertools.chain.from_iterable(s.roles for s in sequences)), pa.string())
    for name, kind in labels.items():
        values = [s.labels.get(name) for s in sequences]
        if kind == "double":
            values = [None if v is None else float(v) for v in values]
        columns[pa.field(f"label_{name}", LABELS[kind])] = pa.array(values, LABELS[kind]).take(pa.array(repeated))
    return pa.table(list(columns.values()), schema=pa.schema(list(columns)))


def told_oddities(checkpoint, site, odd, dtype):
    if odd.beyond:
        yield f"checkpoint {checkpoint}, site {site}: {odd.beyond:,} numbers are beyond {dtype} and were written as infinite: use --dtype bfloat16 or float32"
    if odd.not_finite:
        yield f"checkpoint {checkpoint}, site {site}: {odd.not_finite:,} numbers are infinite or NaN as the model computes them (--compute-dtype float32 may help)"


def has_tokenizer(folder):
    return any(os.path.exists(os.path.join(folder, n)) for n in TOKENIZER_FILES)


def device_name(device):
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type} ({platform.machine()})"


def versions():
    import transformers

    return {"ontogeny-capture": VERSION, "torch": torch.__version__, "transformers": transformers.__version__, "pyarrow": pa.__version__}
