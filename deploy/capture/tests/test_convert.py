"""Stores of other libraries, written here as these libraries write them, converted and compared number by number."""

import hashlib
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from conftest import files, table
from safetensors.torch import save_file

SITE = "blocks.3.hook_resid_post"
SEQUENCES, LENGTH, WIDTH = 13, 6, 5


def activations(dtype=torch.float32, seed=0):
    return torch.randn(SEQUENCES, LENGTH, WIDTH, generator=torch.Generator().manual_seed(seed)).to(dtype)


def tokens():
    return torch.randint(0, 300, (SEQUENCES, LENGTH), generator=torch.Generator().manual_seed(9))


@pytest.fixture
def convert(run, tmp_path):
    def call(*arguments, out=None, checkpoint=0, site=SITE):
        out = out or tmp_path / "capture"
        result = run("convert", "--from", *arguments, "--out", out, "--site", site, "--checkpoint", checkpoint)
        call.result = result
        return out

    return call


def require(convert, out, values, ids=None, checkpoint=0, dtype="float32"):
    """The capture has the values of whole sequences in their order."""
    assert convert.result.code == 0, convert.result.err
    found = table(out, SITE, checkpoint)
    assert found["document"] == [d for d in range(len(values)) for _ in range(values.shape[1])]
    assert found["position"] == list(range(values.shape[1])) * len(values)
    if ids is not None:
        assert found["token_id"] == ids.flatten().tolist()
    else:
        assert "token_id" not in found
    bits = found["activation"]
    numbers = (bits.astype(np.uint32) << 16).view(np.float32) if dtype == "bfloat16" else bits
    np.testing.assert_array_equal(numbers, values.float().flatten(0, 1).numpy())
    assert pq.ParquetFile(files(out, SITE, checkpoint)[0]).metadata.metadata[b"ontogeny.dtype.activation"].decode() == dtype


def saelens_dataset(values, ids, hook=SITE):
    """As CacheActivationsRunner makes a shard of it."""
    import datasets

    kind = str(values.dtype).removeprefix("torch.")
    features = {hook: datasets.Array2D(shape=values.shape[1:], dtype=kind)}
    columns = {hook: values}
    if ids is not None:
        features["token_ids"] = datasets.Sequence(datasets.Value("int32"), length=values.shape[1])
        columns["token_ids"] = ids.to(torch.int32)
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


@pytest.mark.parametrize("dtype", (torch.float32, torch.float16))
@pytest.mark.parametrize("with_tokens", (True, False))
def test_saelens(convert, tmp_path, dtype, with_tokens):
    values, ids = activations(dtype), tokens() if with_tokens else None
    saelens_dataset(values, ids).save_to_disk(tmp_path / "cache", num_shards=3)
    out = convert("saelens", tmp_path / "cache")
    require(convert, out, values, ids, dtype=str(dtype).removeprefix("torch."))


def test_saelens_before_it_had_tokens(convert, tmp_path):
    values = activations()
    for shard in (0, 1, 2):
        saelens_dataset(values[shard * 5 : (shard + 1) * 5], None).save_to_disk(tmp_path / "cache" / f"shard_{shard}", num_shards=1)
    require(convert, convert("saelens", tmp_path / "cache"), values)


def test_saelens_from_the_hub(convert, tmp_path):
    values, ids = activations(), tokens()
    (tmp_path / "data").mkdir()
    for part in (0, 1):
        saelens_dataset(values[part * 7 : part * 7 + 7], ids[part * 7 : part * 7 + 7]).to_parquet(tmp_path / "data" / f"train-{part:05d}-of-00002.parquet")
    require(convert, convert("saelens", tmp_path / "data"), values, ids)


def activault(folder, values, ids, name="{}.pt"):
    folder.mkdir(parents=True)
    for number, at in enumerate(range(0, len(values), 5)):
        torch.save({"states": values[at : at + 5].clone(), "input_ids": ids[at : at + 5].clone()}, folder / name.format(number))
    shape = [5, *values.shape[1:]]
    (folder / "metadata.json").write_text(json.dumps({"shape": shape, "input_ids_shape": shape[:2], "dtype": str(values.dtype), "bytes_per_file": 1}))
    (folder / "statistics.json").write_text("{}")


@pytest.mark.parametrize("dtype", ("float32", "bfloat16"))
def test_dictionary_learning_with_files_of_activault(convert, tmp_path, dtype):
    values, ids = activations(getattr(torch, dtype)), tokens()
    activault(tmp_path / "run" / "hook", values, ids)
    require(convert, convert("dictionary-learning", tmp_path / "run" / "hook"), values, ids, dtype=dtype)


def memory_maps(folder, values, ids, lengths, dtype="bfloat16", **config):
    """As ActivationCache.collect leaves it; lengths of the sequences."""
    layer = folder / "layer_12_out"
    layer.mkdir(parents=True)
    rows = values.flatten(0, 1)[: sum(lengths)]
    for number, at in enumerate(range(0, len(rows), 30)):
        part = rows[at : at + 30]
        stored = part.view(torch.int16).numpy() if dtype == "bfloat16" else part.numpy()
        stored.tofile(layer / f"shard_{number}.memmap")
        (layer / f"shard_{number}.meta").write_text(json.dumps({"shape": list(part.shape), "dtype": f"torch.{dtype}"}))
    (layer / "config.json").write_text(json.dumps({"shard_count": number + 1, "total_size": len(rows), "d_model": rows.shape[1], "store_tokens": True, **config}))
    torch.save(ids.flatten()[: len(rows)], folder / "tokens.pt")
    torch.save(torch.tensor([0, *np.cumsum(lengths)]), folder / "sequence_ranges.pt")
    return layer, rows


@pytest.mark.parametrize("dtype", ("bfloat16", "float32"))
def test_dictionary_learning_with_memory_maps(convert, tmp_path, dtype):
    lengths = [4, 1, 31, 20, 9]
    layers = [memory_maps(tmp_path / name, activations(getattr(torch, dtype), seed), tokens(), lengths, dtype) for seed, name in enumerate(("a", "b"))]
    out = convert("dictionary-learning", *(layer for layer, _ in layers))
    assert convert.result.code == 0, convert.result.err
    found = table(out, SITE, 0)
    assert found["document"] == [d for d, n in enumerate(lengths * 2) for _ in range(n)]
    assert found["position"] == [p for n in lengths * 2 for p in range(n)]
    assert found["token_id"] == tokens().flatten().tolist()[: sum(lengths)] * 2
    wanted = torch.cat([rows for _, rows in layers]).float().numpy()
    bits = found["activation"]
    np.testing.assert_array_equal((bits.astype(np.uint32) << 16).view(np.float32) if dtype == "bfloat16" else bits, wanted)


@pytest.mark.parametrize("kind", ("safetensors", "pt"))
def test_llamascopium(convert, tmp_path, kind):
    values, ids = activations(torch.float16), tokens()
    folder = tmp_path / "acts" / SITE
    folder.mkdir(parents=True)
    # Twelve chunks, so that an order of names as text would be wrong.
    for at in range(SEQUENCES):
        chunk = {"activation": values[at : at + 1].clone(), "tokens": ids[at : at + 1].clone()}
        if kind == "pt":
            torch.save(chunk | {"meta": [{"context_idx": at}]}, folder / f"shard-0-chunk-{at}.pt")
        else:
            save_file(chunk, folder / f"shard-0-chunk-{at}.safetensors")
            (folder / f"shard-0-chunk-{at}.meta.json").write_text("[]")
    require(convert, convert("llamascopium", folder), values, ids, dtype="float16")


def test_llamascopium_that_was_shuffled(convert, tmp_path):
    rows, ids = activations().flatten(0, 1), tokens().flatten()
    (tmp_path / "acts").mkdir()
    save_file({"activation": rows, "tokens": ids}, tmp_path / "acts" / "chunk-00000000.safetensors")
    convert("llamascopium", tmp_path / "acts")
    assert convert.result.code == 3
    last = convert.result.err.splitlines()[-1]
    assert "mixed in a buffer before they were written" in last and "--rows-as-documents" in last and "--sequence-length" in last
    out = convert("llamascopium", tmp_path / "acts", "--rows-as-documents")
    assert convert.result.code == 0
    found = table(out, SITE, 0)
    assert found["document"] == list(range(len(rows))) and set(found["position"]) == {0} and found["token_id"] == ids.tolist()
    np.testing.assert_array_equal(found["activation"], rows.numpy())


@pytest.mark.parametrize("kind", ("float32", "float64", "float16"))
def test_numpy_of_sequences(convert, tmp_path, kind):
    values, ids = activations().numpy().astype(kind), tokens()
    for number, part in enumerate(np.split(values, [4, 9])):
        np.save(tmp_path / f"acts{number}.npy", part)
        np.save(tmp_path / f"acts{number}.token_ids.npy", np.split(ids.numpy(), [4, 9])[number])
    out = convert("numpy", tmp_path)
    stored = "float16" if kind == "float16" else "float32"
    require(convert, out, torch.from_numpy(values.astype(stored)), ids, dtype=stored)


def test_numpy_of_rows(convert, tmp_path):
    rows = activations().flatten(0, 1).numpy()
    np.save(tmp_path / "acts.npy", rows)
    out = convert("numpy", tmp_path / "acts.npy", "--sequence-length", LENGTH)
    require(convert, out, activations())
    draw = np.random.default_rng(0).permutation(len(rows))
    np.save(tmp_path / "acts.npy", rows[draw])
    np.save(tmp_path / "acts.document.npy", draw // LENGTH)
    np.save(tmp_path / "acts.position.npy", draw % LENGTH)
    found = table(convert("numpy", tmp_path / "acts.npy", out=tmp_path / "named"), SITE, 0)
    assert [d * LENGTH + p for d, p in zip(found["document"], found["position"])] == draw.tolist()
    np.testing.assert_array_equal(found["activation"], rows[draw])


def test_bits_of_bfloat16(convert, tmp_path):
    values = activations(torch.bfloat16)
    np.save(tmp_path / "acts.npy", values.view(torch.int16).numpy().view(np.uint16))
    convert("numpy", tmp_path / "acts.npy")
    assert convert.result.code == 3 and "--stored-as bfloat16" in convert.result.err
    require(convert, convert("numpy", tmp_path / "acts.npy", "--stored-as", "bfloat16"), values, dtype="bfloat16")


def test_safetensors(convert, tmp_path):
    values, ids = activations(torch.bfloat16), tokens()
    save_file({"layer5": values, "input_ids": ids}, tmp_path / "acts.safetensors")
    require(convert, convert("safetensors", tmp_path), values, ids, dtype="bfloat16")
    save_file({"layer5": values, "layer6": values + 1}, tmp_path / "acts.safetensors")
    convert("safetensors", tmp_path, out=tmp_path / "other")
    assert convert.result.code == 3 and "2 keys that may hold activations: give --column: there are layer5, layer6" in convert.result.err
    require(convert, convert("safetensors", tmp_path, "--column", "layer5", out=tmp_path / "other"), values, dtype="bfloat16")


def test_token_texts(convert, tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path / "words")
    (tmp_path / "acts").mkdir()
    ids = [tokenizer(text)["input_ids"] for text in ("Ada saw a cat", "café ☕ one two three")]
    longest = max(map(len, ids))
    ids = torch.tensor([i + [tokenizer.eos_token_id] * (longest - len(i)) for i in ids])
    save_file({"x": torch.zeros(*ids.shape, 3), "tokens": ids}, tmp_path / "acts" / "acts.safetensors")
    found = table(convert("safetensors", tmp_path / "acts", "--tokenizer", tmp_path / "words"), SITE, 0)
    assert "".join(t for t, d, s in zip(found["token"], found["document"], found["label_special"]) if d == 0 and not s) == "Ada saw a cat"
    assert found["label_special"] == [i == tokenizer.bos_token_id for i in found["token_id"]]


def test_another_type_and_its_overflow(convert, tmp_path):
    values = activations() * 1e5
    save_file({"x": values}, tmp_path / "acts.safetensors")
    out = convert("safetensors", tmp_path, "--dtype", "float16")
    found = table(out, SITE, 0)["activation"]
    beyond = int(np.isinf(found).sum())
    assert beyond == int((values.abs() >= 65520).sum()) > 0
    assert f"warning: {beyond} numbers are beyond float16" in convert.result.err
    np.testing.assert_array_equal(found, values.half().flatten(0, 1).numpy())


def test_sites_and_checkpoints_of_one_capture_have_the_same_tokens(convert, tmp_path):
    for name, seed, ids in (("first", 0, tokens()), ("second", 1, tokens()), ("other", 2, tokens() + 1), ("short", 3, tokens()[:-1])):
        (tmp_path / name).mkdir()
        values = activations(seed=seed)[: len(ids)]
        save_file({"x": values, "tokens": ids}, tmp_path / name / "acts.safetensors")
    out = convert("safetensors", tmp_path / "first")
    require(convert, convert("safetensors", tmp_path / "second", checkpoint=10), activations(seed=1), tokens(), checkpoint=10)
    for name, told in (("other", "other token ids, documents or positions"), ("short", "72 rows, not 78")):
        convert("safetensors", tmp_path / name, checkpoint=20)
        assert convert.result.code == 3 and told in convert.result.err
        assert not list(out.glob("site=*/checkpoint=20/*"))
    # How rows lie in files does not matter.
    (tmp_path / "parts").mkdir()
    for number, rows in enumerate((slice(0, 4), slice(4, None))):
        save_file({"x": activations(seed=1)[rows].clone(), "tokens": tokens()[rows].clone()}, tmp_path / "parts" / f"acts{number}.safetensors")
    require(convert, convert("safetensors", tmp_path / "parts", checkpoint=20), activations(seed=1), tokens(), checkpoint=20)


def test_files_and_row_groups_are_bounded(convert, tmp_path, monkeypatch):
    from ontogeny_capture import peers, plan

    monkeypatch.setattr(peers, "BLOCK_BYTES", 4 * LENGTH * WIDTH * 2)
    monkeypatch.setattr(plan, "GROUP_BYTES", 600)
    monkeypatch.setattr(plan, "FILE_BYTES", 1500)
    save_file({"x": activations(), "tokens": tokens()}, tmp_path / "acts.safetensors")
    out = convert("safetensors", tmp_path)
    require(convert, out, activations(), tokens())
    metadata = [pq.ParquetFile(f).metadata for f in files(out, SITE, 0)]
    # 28 bytes a row: groups of two blocks of two sequences, files of three groups, the last with what is left.
    assert [[m.row_group(i).num_rows for i in range(m.num_row_groups)] for m in metadata] == [[24, 24, 24], [6]]


def test_an_unfinished_conversion_is_begun_anew_and_a_finished_one_is_kept(convert, tmp_path):
    save_file({"x": activations()}, tmp_path / "acts.safetensors")
    out = convert("safetensors", tmp_path)
    convert("safetensors", tmp_path)
    assert convert.result.code == 2 and "is there already" in convert.result.err
    folder = out / f"site={SITE}" / "checkpoint=0"
    before = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.iterdir()}
    (folder / "_SUCCESS").unlink()
    (folder / "part-00007.parquet").write_bytes(b"of a run that died")
    convert("safetensors", tmp_path)
    assert convert.result.code == 0
    assert {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.iterdir()} == before


def broken(tmp_path, name):
    """Inputs that cannot be converted: (arguments, exit code, what is told)."""
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    if name == "missing":
        return ["numpy", tmp_path / "nowhere"], 2, "nowhere: there is no such file or folder"
    if name == "torn arrow":
        saelens_dataset(activations(), tokens()).save_to_disk(folder / "cache")
        (arrow,) = (folder / "cache").glob("*.arrow")
        arrow.write_bytes(arrow.read_bytes()[:-2000])
        return ["saelens", folder / "cache"], 3, "cache is not a dataset of SAELens's cache, or is cut off"
    if name == "empty":
        return ["numpy", folder], 3, "holds no .npy file"
    if name == "torn":
        np.save(folder / "x.npy", activations().numpy())
        (folder / "x.npy").write_bytes((folder / "x.npy").read_bytes()[:200])
        return ["numpy", folder], 3, "x.npy is not an array of NumPy, or is cut off"
    if name == "torn safetensors":
        save_file({"x": activations()}, folder / "x.safetensors")
        (folder / "x.safetensors").write_bytes((folder / "x.safetensors").read_bytes()[:200])
        return ["safetensors", folder], 3, "x.safetensors cannot be read"
    if name == "torn pt":
        activault(folder / "hook", activations(), tokens())
        (folder / "hook" / "1.pt").write_bytes(b"nothing")
        return ["dictionary-learning", folder / "hook"], 3, "1.pt cannot be read by torch.load"
    if name == "other shape":
        activault(folder / "hook", activations(), tokens())
        metadata = json.loads((folder / "hook" / "metadata.json").read_text())
        (folder / "hook" / "metadata.json").write_text(json.dumps(metadata | {"shape": [5, LENGTH, WIDTH + 1]}))
        return ["dictionary-learning", folder / "hook"], 3, "0.pt has the shape [5, 6, 5]"
    if name == "cut memmap":
        layer, _ = memory_maps(folder, activations(torch.bfloat16), tokens(), [30, 40])
        (layer / "shard_1.memmap").write_bytes(b"12345678")
        return ["dictionary-learning", layer], 3, "shard_1.memmap has 8 bytes, its .meta says 300: it is cut off"
    if name == "shuffled memmap":
        layer, _ = memory_maps(folder, activations(torch.bfloat16), tokens(), [30, 40], shuffle_shards=True)
        return ["dictionary-learning", layer], 3, "was stored with shuffle_shards"
    if name == "tokens of another shape":
        save_file({"x": activations(), "tokens": tokens()[:, 1:].clone()}, folder / "x.safetensors")
        return ["safetensors", folder], 3, "the token_ids have the shape [13, 5], the activations [13, 6, 5]"
    if name == "whole numbers":
        save_file({"x": tokens()[..., None]}, folder / "x.safetensors")
        return ["safetensors", folder], 3, "holds int64; activations must be floating point numbers"
    if name == "widths":
        save_file({"x": activations()}, folder / "a.safetensors")
        save_file({"x": activations()[..., 1:].clone()}, folder / "b.safetensors")
        return ["safetensors", folder], 3, "b.safetensors x is 4 wide, before it were 5"
    if name == "no column":
        saelens_dataset(activations(), tokens()).save_to_disk(folder / "cache")
        return ["saelens", folder / "cache", "--column", "blocks.3.hook_resid_pre"], 3, f"no column blocks.3.hook_resid_pre: did you mean {SITE}?"
    if name == "no tokens for a tokenizer":
        save_file({"x": activations()}, folder / "x.safetensors")
        return ["safetensors", folder, "--tokenizer", "{words}"], 2, "has no token ids"
    if name == "indivisible":
        np.save(folder / "x.npy", activations().flatten(0, 1).numpy())
        return ["numpy", folder, "--sequence-length", 7], 3, "has 78 rows, which --sequence-length 7 does not divide"
    if name == "one of two":
        np.save(folder / "x.npy", activations().numpy())
        return ["numpy", folder, "--sequence-length", 7, "--rows-as-documents"], 2, "exclude each other"
    return ["pickle", folder], 2, "invalid choice: 'pickle'"


@pytest.mark.parametrize(
    "name",
    ("missing", "empty", "torn", "torn arrow", "torn safetensors", "torn pt", "other shape", "cut memmap", "shuffled memmap", "tokens of another shape", "whole numbers",
     "widths", "no column", "no tokens for a tokenizer", "indivisible", "one of two", "unknown"),
)
def test_every_failure_is_one_line_with_its_code(convert, tokenizer, tmp_path, name):
    tokenizer.save_pretrained(tmp_path / "words")
    arguments, code, told = broken(tmp_path, name)
    out = convert(*(str(a).format(words=tmp_path / "words") for a in arguments))
    result = convert.result
    assert result.code == code, result.err
    assert "Traceback" not in result.err and told in result.err.splitlines()[-1]
    assert not list(out.rglob("_SUCCESS"))


def test_a_capture_from_a_model_is_not_converted_into(convert, tmp_path):
    (tmp_path / "capture").mkdir()
    (tmp_path / "capture" / "_capture.json").write_text("{}")
    save_file({"x": activations()}, tmp_path / "acts.safetensors")
    convert("safetensors", tmp_path)
    assert convert.result.code == 2 and "made from a model" in convert.result.err


def test_help_has_an_example_of_each_store(run):
    result = run("convert", "--help")
    assert result.code == 0
    for kind in ("saelens", "dictionary-learning", "llamascopium", "numpy"):
        assert f"ontogeny-capture convert --from {kind}" in result.out
