"""Which tokens there are: texts, conversations, pairs, and how they are cut."""

import json

import pytest
from conftest import table, texts, write_jsonl

SITE = "blocks.1.hook_resid_post"
TEMPLATE = "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|endoftext|>\n{% endfor %}"


@pytest.fixture
def model(checkpoints):
    return checkpoints("llama") / "step10"


def joined(found):
    """{document: its tokens' texts, joined; special tokens left out}."""
    documents = {}
    for document, token, special in zip(found["document"], found["token"], found["label_special"]):
        documents[document] = documents.get(document, "") + ("" if special else token)
    return documents


def bytes_of(text):
    """The characters of a text whose lone bytes are written as <0xE2>."""
    import re

    parts = re.split(r"<0x([0-9A-F]{2})>", text)
    return b"".join(bytes([int(p, 16)]) if i % 2 else p.encode() for i, p in enumerate(parts)).decode()


def test_token_texts_join_to_the_text_and_halves_of_characters_are_bytes(capture, model, tmp_path, tokenizer):
    rows = [{"text": "Ada 🦉 naïve 語"}, {"text": "ordinary <0xAB text"}]
    out = capture("--checkpoints", model, "--sites", SITE, dataset=write_jsonl(tmp_path / "odd.jsonl", rows))
    found = table(out, SITE, 10)
    assert {"<0xF0>", "<0x9F>", "<0xA6>", "<0x89>"} <= set(found["token"])
    assert {d: bytes_of(t) for d, t in joined(found).items()} == {i: r["text"] for i, r in enumerate(rows)}


@pytest.mark.parametrize("wanted", (1, 30, 100))
def test_tokens_are_taken_in_whole_sequences(capture, model, wanted, tokenizer, dataset):
    lengths = [min(8, left) for n in (len(tokenizer(r["text"])["input_ids"]) for r in texts()) for left in range(n, 0, -8)]
    if wanted < lengths[0]:
        with pytest.raises(AssertionError, match=f"--tokens {wanted}: already the first sequence"):
            capture("--checkpoints", model, "--sites", SITE, tokens=wanted, context=8)
        return
    out = capture("--checkpoints", model, "--sites", SITE, tokens=wanted, context=8)
    fitting = max(n for n in range(len(lengths)) if sum(lengths[:n]) <= wanted)
    assert len(table(out, SITE, 10)["position"]) == sum(lengths[:fitting]) > wanted - 8


def test_more_tokens_than_there_are_is_an_error(run, model, dataset, tmp_path):
    result = run("--checkpoints", model, "--sites", SITE, "--dataset", dataset, "--tokens", "1M", "--out", tmp_path / "out")
    assert result.code == 3
    assert "has 260 tokens, --tokens asks for 1000000: give --tokens all" in result.err
    assert not (tmp_path / "out" / "_tokens").exists() or not list((tmp_path / "out" / "_tokens").iterdir())


def test_every_sequence_may_begin_with_the_first_token(capture, model, tokenizer):
    out = capture("--checkpoints", model, "--sites", SITE, "--repeat-bos", context=8)
    found = table(out, SITE, 10)
    begins = [i for i, p in enumerate(found["position"]) if p % 8 == 0]
    assert len(begins) > len(set(found["document"]))
    assert {found["token_id"][i] for i in begins} == {tokenizer.bos_token_id}
    assert joined(found) == {i: "".join(r) for i, r in enumerate(joined_texts(tokenizer))}


def joined_texts(tokenizer):
    from ontogeny_capture.pieces import token_texts

    read = token_texts(tokenizer).to_pylist()
    return [[read[i] for i in tokenizer(r["text"])["input_ids"][1:]] for r in texts()]


def test_documents_may_have_names(capture, run, model, tmp_path):
    out = capture("--checkpoints", model, "--sites", SITE, document_column="name")
    found = table(out, SITE, 10)
    assert list(dict.fromkeys(found["document"])) == [r["name"] for r in texts()]
    twice = write_jsonl(tmp_path / "twice.jsonl", [{"text": "a", "name": "x"}, {"text": "b", "name": "x"}])
    result = run("--checkpoints", model, "--sites", SITE, "--dataset", twice, "--tokens", "all", "--document-column", "name", "--out", tmp_path / "other")
    assert result.code == 3 and "twice.jsonl line 2: column name holds 'x' a second time" in result.err


def test_shuffling_is_of_documents_and_repeatable(capture, model, tmp_path):
    plain, first, again, other = (
        table(capture("--checkpoints", model, "--sites", SITE, out=tmp_path / name, **seed), SITE, 10)["document"]
        for name, seed in {"plain": {}, "first": {"shuffle_seed": 1}, "again": {"shuffle_seed": 1}, "other": {"shuffle_seed": 2}}.items()
    )
    assert first == again and sorted(first) == sorted(plain)
    assert len({tuple(plain), tuple(first), tuple(other)}) == 3


def test_rows_without_text_are_left_out_and_told(capture, model, tmp_path):
    rows = write_jsonl(tmp_path / "gaps.jsonl", [{"text": "one"}, {"text": None}, {"text": "two"}])
    out = capture("--checkpoints", model, "--sites", SITE, dataset=rows)
    assert set(table(out, SITE, 10)["document"]) == {0, 2}
    assert "gaps.jsonl: left out: 1 row without a text" in capture.told


@pytest.mark.parametrize("kind", ("csv", "tsv", "txt", "parquet", "json", "jsonl.gz", "datasets"))
def test_every_kind_of_file_gives_the_same_tokens(capture, model, tmp_path, kind):
    rows = [{"text": f"Ada saw, a cat {i}", "topic": t} for i, t in enumerate(("water", "plants"))]
    path = tmp_path / f"texts.{kind}"
    if kind in ("csv", "tsv"):
        import csv

        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, ["text", "topic"], delimiter="," if kind == "csv" else "\t")
            writer.writeheader()
            writer.writerows(rows)
    elif kind == "txt":
        path.write_text("".join(r["text"] + "\n" for r in rows))
    elif kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    elif kind == "json":
        path.write_text(json.dumps(rows, indent=1))
    elif kind == "jsonl.gz":
        import gzip

        path.write_bytes(gzip.compress("".join(json.dumps(r) + "\n" for r in rows).encode()))
    else:
        import datasets

        datasets.Dataset.from_list(rows).save_to_disk(path)
    out = capture("--checkpoints", model, "--sites", SITE, dataset=path, labels=None if kind == "txt" else "topic")
    found = table(out, SITE, 10)
    assert joined(found) == {i: r["text"] for i, r in enumerate(rows)}
    if kind != "txt":
        assert found["label_topic"] == [rows[d]["topic"] for d in found["document"]]


@pytest.fixture
def chat_tokenizer(tokenizer, tmp_path):
    import copy

    chat = copy.deepcopy(tokenizer)
    chat.chat_template = TEMPLATE
    chat.save_pretrained(tmp_path / "chat")
    return tmp_path / "chat"


def test_conversations_have_roles(capture, model, chat_tokenizer, tmp_path):
    talk = [{"role": "system", "content": "one"}, {"role": "user", "content": "two three"}, {"role": "assistant", "content": "four"}]
    rows = write_jsonl(tmp_path / "chats.jsonl", [{"talk": talk}, {"talk": talk[1:]}])
    out = capture("--checkpoints", model, "--sites", SITE, dataset=rows, text_column="talk", tokenizer=chat_tokenizer)
    found = table(out, SITE, 10)
    for document, messages in enumerate((talk, talk[1:])):
        at = [i for i, d in enumerate(found["document"]) if d == document]
        assert list(dict.fromkeys(found["label_role"][i] for i in at)) == [m["role"] for m in messages]
        for message in messages:
            said = "".join(found["token"][i] for i in at if found["label_role"][i] == message["role"])
            assert said == f"<|{message['role']}|>\n{message['content']}<|endoftext|>\n"
    assert {t for t, s in zip(found["token"], found["label_special"]) if s} == {"<|endoftext|>"}


def test_conversations_need_a_template(run, model, tmp_path):
    rows = write_jsonl(tmp_path / "chats.jsonl", [{"text": [{"role": "user", "content": "two"}]}])
    result = run("--checkpoints", model, "--sites", SITE, "--dataset", rows, "--tokens", "all", "--out", tmp_path / "out")
    assert result.code == 2 and "has no chat template" in result.err


def test_pairs(capture, model, tmp_path):
    pairs = write_jsonl(
        tmp_path / "pairs.jsonl",
        [{"clean": "Ada saw a cat", "corrupt": "Ben saw a cat", "answer": "a"}, {"clean": "one two", "corrupt": "two one", "answer": "b"}],
    )
    out = capture("--checkpoints", model, "--sites", SITE, dataset=None, tokens=None, pairs=pairs, gradients=None)
    found = table(out, SITE, 10)
    assert joined(found) == {0: "Ada saw a cat", 1: "Ben saw a cat", 2: "one two", 3: "two one"}
    assert [(p, s, a) for p, s, a in dict.fromkeys(zip(found["label_pair"], found["label_side"], found["label_answer"]))] == [
        (0, "clean", "a"), (0, "corrupt", "a"), (1, "clean", "b"), (1, "corrupt", "b"),
    ]
    for pair in (0, 1):
        clean, corrupt = ([p for p, d in zip(found["position"], found["document"]) if d == 2 * pair + side] for side in (0, 1))
        assert clean == corrupt


def test_pairs_of_unequal_lengths_are_refused_by_line(run, model, tmp_path):
    pairs = write_jsonl(tmp_path / "pairs.jsonl", [{"clean": "one", "corrupt": "two"}, {"clean": "one", "corrupt": "one two three Ada"}])
    result = run("--checkpoints", model, "--sites", SITE, "--pairs", pairs, "--out", tmp_path / "out")
    assert result.code == 3
    assert "pairs.jsonl line 2: clean has " in result.err and "both must have the same number" in result.err


def test_a_limit_never_parts_a_pair(capture, model, tmp_path):
    pairs = write_jsonl(tmp_path / "pairs.jsonl", [{"clean": "Ada saw a cat", "corrupt": "Ben saw a cat"}] * 5)
    out = capture("--checkpoints", model, "--sites", SITE, dataset=None, pairs=pairs, tokens=35)
    assert sorted(set(table(out, SITE, 10)["document"])) == [0, 1, 2, 3, 4, 5]
