"""Documents become sequences of tokens: once, before any model runs."""

import datetime
import hashlib
import json
import math

from . import chat
from .failures import DataFailure, SettingsFailure, one_line
from .rows import file_rows
from .sequences import Sequence, SequenceWriter

# What is tokenised at a go.
BATCH_ROWS = 256
BATCH_CHARACTERS = 1 << 21

LABEL_TYPES = {bool: "bool", int: "int64", float: "double", str: "string"}


class LabelTypes:
    """The type of each label column, from all its values."""

    def __init__(self, names):
        self.types = {name: None for name in names}

    def cleaned(self, values, where):
        return {name: self.see(name, value, where) for name, value in values.items()}

    def see(self, name, value, where):
        if value is None:
            return None
        if isinstance(value, (datetime.date, datetime.datetime)):
            value = value.isoformat()
        kind = LABEL_TYPES.get(type(value))
        if kind is None:
            raise DataFailure(f"{where}: column {name} holds a {type(value).__name__}; a label must be text, true or false, or a number")
        if kind == "int64" and not -(2**63) <= value < 2**63:
            raise DataFailure(f"{where}: column {name} holds {value}, which does not fit 64 bits; write it as text")
        if kind == "double" and not math.isfinite(value):
            # JSON has no such number; for a label it is as good as none.
            return None
        before = self.types[name]
        if before not in (None, kind) and {before, kind} != {"int64", "double"}:
            raise DataFailure(f"{where}: column {name} holds {json.dumps(value)}, a {kind}; before it held values of type {before}")
        self.types[name] = "double" if {before, kind} == {"int64", "double"} else kind
        return value

    def found(self):
        return {name: kind or "string" for name, kind in self.types.items()}


class TextSequences:
    """Sequences of a dataset's texts or conversations; groups of them that belong together, here one each."""

    def __init__(self, rows, tokenizer, context, text_column, document_column=None, labels=(), repeat_bos=False):
        self.rows = rows
        self.tokenizer = tokenizer
        self.context = context
        self.text_column = text_column
        self.document_column = document_column
        self.labels = labels
        self.label_types = LabelTypes(labels)
        self.repeat_bos = repeat_bos
        self.skipped = {"null": 0, "empty": 0}
        self.chats = None
        self.special_ids = special_ids(tokenizer)
        self.documents = set()
        if repeat_bos and tokenizer.bos_token_id is None:
            raise SettingsFailure("--repeat-bos: the tokenizer has no token for the beginning of a text")

    def __iter__(self):
        batch, characters = [], 0
        for number, where, row in self.rows:
            text = row[self.text_column]
            if text is None:
                self.skipped["null"] += 1
                continue
            self.require_kind(text, where)
            batch.append((number, where, row))
            characters += len(text) if isinstance(text, str) else 1000
            if len(batch) >= BATCH_ROWS or characters >= BATCH_CHARACTERS:
                yield from self.sequences_of(batch)
                batch, characters = [], 0
        yield from self.sequences_of(batch)

    def require_kind(self, text, where):
        conversation = chat.is_conversation(text)
        if not conversation and not isinstance(text, str):
            raise DataFailure(
                f"{where}: column {self.text_column} holds a {type(text).__name__}; it must be text, or a list of {{role, content}}"
            )
        if self.chats not in (None, conversation):
            raise DataFailure(f"{where}: column {self.text_column} holds {'a conversation' if conversation else 'a text'}, before it held the other")
        self.chats = conversation

    def sequences_of(self, batch):
        if not batch:
            return
        if self.chats:
            rendered = [chat.render(self.tokenizer, row[self.text_column], where) for _, where, row in batch]
            encoded = encode(self.tokenizer, [t for t, _ in rendered], add_special_tokens=False, return_offsets_mapping=True)
        else:
            rendered = None
            encoded = encode(self.tokenizer, [row[self.text_column] for _, _, row in batch], return_special_tokens_mask=True)
        for at, (number, where, row) in enumerate(batch):
            ids = encoded["input_ids"][at]
            if not ids:
                self.skipped["empty"] += 1
                continue
            document = self.document_of(number, where, row)
            labels = self.label_types.cleaned({name: row[name] for name in self.labels}, where)
            mask = encoded["special_tokens_mask"][at] if rendered is None else [0] * len(ids)
            special = [bool(m) or i in self.special_ids for m, i in zip(mask, ids)]
            roles = None if rendered is None else chat.roles_of(encoded["offset_mapping"][at], rendered[at][1])
            for sequence in self.cut(ids, special, roles):
                sequence.document = document
                sequence.labels = labels
                yield [sequence]

    def cut(self, ids, special, roles):
        """Sequences of at most `context` tokens; positions run on through the document."""
        bos = self.tokenizer.bos_token_id if self.repeat_bos else None
        start, at = 0, 0
        while at < len(ids):
            insert = bos is not None and ids[at] != bos
            end = min(len(ids), at + self.context - insert)
            sequence = Sequence(
                document=None,
                start=start,
                length=end - at + insert,
                token_ids=[bos] * insert + ids[at:end],
                special=[True] * insert + special[at:end],
                roles=None if roles is None else roles[at : at + 1] * insert + roles[at:end],
            )
            start += sequence.length
            at = end
            yield sequence

    def document_of(self, number, where, row):
        if self.document_column is None:
            return number
        document = row[self.document_column]
        if isinstance(document, bool) or not isinstance(document, (int, str)):
            raise DataFailure(f"{where}: column {self.document_column} holds {document!r}; a document is named by text or a whole number")
        key = hash(document)
        if key in self.documents:
            raise DataFailure(f"{where}: column {self.document_column} holds {document!r} a second time; documents need names of their own")
        self.documents.add(key)
        return document


class PairSequences:
    """Clean and corrupt prompts of a JSONL file: documents 2i and 2i+1 for its i-th pair, kept together."""

    SIDES = ("clean", "corrupt")

    def __init__(self, file, tokenizer, context, labels=None):
        self.file = file
        self.tokenizer = tokenizer
        self.context = context
        self.special_ids = special_ids(tokenizer)
        self.skipped = {"null": 0, "empty": 0}
        self.chats = False
        if labels is None:
            labels = list(dict.fromkeys(key for _, row in self.pairs() for key in row if key not in self.SIDES))
        clash = sorted({"pair", "side", "special"} & set(labels))
        if clash:
            raise SettingsFailure(f"--pairs {file}: the key {clash[0]} would be the column label_{clash[0]}, which pairs have already; rename it")
        self.labels = labels
        self.label_types = LabelTypes([*labels, "pair", "side"])

    def pairs(self):
        for where, row in file_rows(self.file, []):
            for side in self.SIDES:
                if not isinstance(row.get(side), str):
                    raise DataFailure(f"{where}: {side} is {json.dumps(row.get(side))}; a pair has the texts clean and corrupt")
            yield where, row

    def __iter__(self):
        for number, (where, row) in enumerate(self.pairs()):
            encoded = encode(self.tokenizer, [row[s] for s in self.SIDES], return_special_tokens_mask=True)
            lengths = [len(ids) for ids in encoded["input_ids"]]
            if lengths[0] != lengths[1]:
                raise DataFailure(f"{where}: clean has {lengths[0]} tokens and corrupt {lengths[1]}; both must have the same number")
            if not lengths[0]:
                raise DataFailure(f"{where}: clean and corrupt have no tokens")
            if lengths[0] > self.context:
                raise DataFailure(f"{where}: clean and corrupt have {lengths[0]} tokens, more than --context {self.context}")
            group = []
            for at, side in enumerate(self.SIDES):
                ids, mask = encoded["input_ids"][at], encoded["special_tokens_mask"][at]
                values = {name: row.get(name) for name in self.labels} | {"pair": number, "side": side}
                group.append(
                    Sequence(
                        document=2 * number + at,
                        start=0,
                        length=len(ids),
                        token_ids=ids,
                        special=[bool(m) or i in self.special_ids for m, i in zip(mask, ids)],
                        labels=self.label_types.cleaned(values, where),
                    )
                )
            yield group


def encode(tokenizer, texts, **options):
    """Without truncation, and without the warning that a text is longer than the model's context: it will be cut."""
    try:
        return tokenizer(texts, truncation=False, padding=False, return_attention_mask=False, verbose=False, **options)
    except NotImplementedError as error:
        raise SettingsFailure(f"the tokenizer cannot tell where its tokens are in a text, which roles need: {one_line(error)}") from None


def special_ids(tokenizer):
    """Ids that stand for no text: beginnings, ends, separators, turns; not the one for unknown words, unless it is one of those."""
    ids = {i for i, t in getattr(tokenizer, "added_tokens_decoder", {}).items() if getattr(t, "special", False)}
    ids |= set(tokenizer.all_special_ids)
    others = {getattr(tokenizer, f"{n}_token_id", None) for n in ("bos", "eos", "sep", "cls", "pad", "mask")}
    if tokenizer.unk_token_id is not None and tokenizer.unk_token_id not in others:
        ids.discard(tokenizer.unk_token_id)
    return ids


def identity(tokenizer):
    """A digest of what decides token ids."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    table = backend.to_str() if backend is not None else json.dumps(sorted(tokenizer.get_vocab().items()))
    text = json.dumps([table, getattr(tokenizer, "chat_template", None), sorted(map(str, tokenizer.all_special_tokens))])
    return hashlib.sha256(text.encode()).hexdigest()


def lay(groups, store, part_tokens, limit, source, progress=None, told_by=None):
    """Writes groups of sequences until the limit; gives the writer, which tells what there is. A limit of None takes everything.

    `told_by` counts the rows that were left out.
    """
    with SequenceWriter(store, part_tokens) as writer:
        ended = True
        for group in groups:
            length = sum(s.length for s in group)
            if limit is not None and writer.tokens + length > limit:
                ended = False
                break
            for sequence in group:
                writer.add(sequence)
            if progress is not None:
                progress.add(length)
        if not writer.tokens:
            if not ended:
                raise SettingsFailure(f"--tokens {limit}: already the first sequence of {source} is longer")
            raise DataFailure(f"{source} has no tokens: {told_skipped(told_by or groups) or 'it has no rows'}")
        if ended and limit is not None and writer.tokens < limit:
            raise DataFailure(
                f"{source} has {writer.tokens} tokens, --tokens asks for {limit}: give --tokens all, or more data"
            )
    return writer


def told_skipped(groups):
    skipped = getattr(groups, "skipped", {})
    named = [(skipped.get("null", 0), "without a text"), (skipped.get("empty", 0), "whose text has no tokens")]
    return ", ".join(f"{n} row{'s' * (n != 1)} {what}" for n, what in named if n)
