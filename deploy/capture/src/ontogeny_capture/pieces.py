"""The text of single tokens.

Tokenizers that work on bytes may cut a character in two. What is valid UTF-8 is written as it is; every other byte as `<0xE2>`, the
notation of SentencePiece, which Ontogeny's reports join into characters again.
"""

import json
import re

import pyarrow as pa


def byte_alphabet():
    """{character: byte} of byte-level BPE: printable bytes stand for themselves, the others for characters from 256 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [b for b in range(256) if b not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}


ALPHABET = byte_alphabet()


def text_of_bytes(data):
    """UTF-8 where it is valid, <0xE2> for each byte that is not."""
    parts, at = [], 0
    while at < len(data):
        try:
            parts.append(data[at:].decode("utf-8"))
            break
        except UnicodeDecodeError as error:
            parts.append(data[at : at + error.start].decode("utf-8"))
            parts += [f"<0x{b:02X}>" for b in data[at + error.start : at + error.end]]
            at += error.end
    return "".join(parts)


def byte_level(piece):
    try:
        return text_of_bytes(bytes(ALPHABET[c] for c in piece))
    except KeyError:
        return piece


def decoders(backend):
    """The decoders of a tokenizer's file, as flat list of its JSON."""
    decoder = json.loads(backend.to_str()).get("decoder") or {}
    return decoder.get("decoders", [decoder]) if decoder else []


def piece_reader(tokenizer):
    """A function from a piece of the vocabulary to its text."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        # Tokenizers in Python: byte-level ones have a table, the others are SentencePiece's.
        return byte_level if hasattr(tokenizer, "byte_decoder") else lambda piece: piece.replace("▁", " ")
    found = decoders(backend)
    kinds = {d["type"] for d in found}
    if "ByteLevel" in kinds:
        return byte_level
    if "WordPiece" in kinds:
        prefix = next(d.get("prefix", "##") for d in found if d["type"] == "WordPiece")
        return lambda piece: piece.removeprefix(prefix)
    marks = [d["replacement"] for d in found if d["type"] == "Metaspace"]
    marks += [d["pattern"]["String"] for d in found if d["type"] == "Replace" and d.get("content") == " " and "String" in d["pattern"]]
    if marks:
        # Pieces such as <0xE2> are in the notation already.
        return lambda piece: piece.replace(marks[0], " ")
    suffixes = [d["suffix"] for d in found if d["type"] == "BPEDecoder"]
    if suffixes:
        return lambda piece: re.sub(re.escape(suffixes[0]) + "$", " ", piece)
    return lambda piece: piece


def token_texts(tokenizer):
    """The text of every token id, as an Arrow array; ids that the vocabulary skips are null."""
    vocabulary = tokenizer.get_vocab()
    added = {i: str(t) for i, t in getattr(tokenizer, "added_tokens_decoder", {}).items()}
    read = piece_reader(tokenizer)
    texts = [None] * (max([*vocabulary.values(), *added], default=-1) + 1)
    for piece, number in vocabulary.items():
        texts[number] = read(piece)
    for number, text in added.items():
        texts[number] = text
    return pa.array(texts, pa.string())
