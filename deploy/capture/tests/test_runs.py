"""Runs: resumed, interpolated, tried dry, warned of, into an object store."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from conftest import STEPS, random_model, table, write_jsonl

SITES = "blocks.0.hook_resid_post,blocks.1.mlp.hook_post"


def digests(folder):
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_run_that_was_killed_goes_on_to_the_same_bytes(checkpoints, capture, dataset, tmp_path):
    options = ["--checkpoints", f"{checkpoints('gpt2')}/step*", "--sites", SITES, "--gradients"]
    whole = capture(*options, shard_tokens=20, out=tmp_path / "whole")
    killed = tmp_path / "killed"
    command = [sys.executable, "-m", "ontogeny_capture", *options, "--dataset", dataset, "--tokens", "all", "--dtype", "float32", "--shard-tokens", "20", "--out", killed]
    process = subprocess.Popen([str(c) for c in command], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while len(list(killed.glob("site=*/checkpoint=10/part-*.parquet"))) < 3 and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    left = digests(killed)
    assert 0 < len(left) < len(digests(whole))
    # What a dying process may leave besides: a file half written.
    (killed / "site=blocks.0.hook_resid_post" / "checkpoint=10" / "_part-00009.parquet.writing").write_bytes(b"half")
    finished = {p: killed.joinpath(p).stat().st_mtime_ns for p in left if "checkpoint=0" in p}
    capture(*options, "--resume", shard_tokens=20, out=killed)
    assert digests(killed) == digests(whole)
    assert finished == {p: killed.joinpath(p).stat().st_mtime_ns for p in finished}


def test_further_checkpoints_are_added_and_a_file_that_is_gone_is_made_again(checkpoints, capture, tmp_path):
    folder = checkpoints("llama")
    whole = capture("--checkpoints", f"{folder}/step*", "--sites", SITES, shard_tokens=60, out=tmp_path / "whole")
    grown = capture("--checkpoints", folder / "step0", "--sites", SITES, shard_tokens=60, out=tmp_path / "grown")
    gone = grown / "site=blocks.1.mlp.hook_post" / "checkpoint=0" / "part-00001.parquet"
    gone.unlink()
    capture("--checkpoints", folder / "step0", folder / "step10", folder / "step20", "--sites", SITES, "--resume", shard_tokens=60, out=grown)
    assert digests(grown) == digests(whole)


@pytest.mark.parametrize("changed, told", [({"dtype": "bfloat16"}, "dtype = float32"), ({"labels": "topic"}, "labels = None"), ({"context": 7}, "context = 48")])
def test_other_settings_do_not_go_on(checkpoints, capture, run, dataset, changed, told):
    options = ["--checkpoints", checkpoints("llama") / "step0", "--sites", SITES]
    out = capture(*options)
    before = digests(out)
    settings = {"dtype": "float32", "dataset": dataset, "tokens": "all", **changed}
    result = run(*options, *(a for k, v in settings.items() for a in (f"--{k}", v)), "--resume", "--out", out)
    assert result.code == 2 and f"was begun with {told}" in result.err
    assert digests(out) == before


def test_weights_that_changed_meanwhile_are_refused(capture, run, dataset, tokenizer, tmp_path):
    for seed in (0, 1):
        random_model("llama", seed).save_pretrained(tmp_path / "step3")
        tokenizer.save_pretrained(tmp_path / "step3")
        if seed == 0:
            out = capture("--checkpoints", tmp_path / "step3", "--sites", SITES, shard_tokens=60)
            next(out.glob("site=*/checkpoint=3/part-00002.parquet")).unlink()
    options = ["--dataset", dataset, "--tokens", "all", "--dtype", "float32", "--shard-tokens", 60]
    result = run("--checkpoints", tmp_path / "step3", "--sites", SITES, *options, "--resume", "--out", out)
    assert result.code == 3 and "has other weights than when its first files were written" in result.err


def test_an_interpolated_model_is_that_of_interpolated_weights(checkpoints, capture, tmp_path, tokenizer):
    folder = checkpoints("gpt_neox")
    out = capture("--checkpoints", folder / "step0", folder / "step20", "--interpolate", "step0:step20:0.25", "--sites", SITES, "--gradients")
    first, second, mixed = (random_model("gpt_neox", seed) for seed in (0, 2, 0))
    with torch.no_grad():
        for a, b, c in zip(first.parameters(), second.parameters(), mixed.parameters()):
            c.copy_(0.75 * a + 0.25 * b)
    mixed.save_pretrained(tmp_path / "step5")
    tokenizer.save_pretrained(tmp_path / "step5")
    by_hand = capture("--checkpoints", tmp_path / "step5", "--sites", SITES, "--gradients", out=tmp_path / "by-hand")
    for site in SITES.split(","):
        found, wanted = table(out, site, 5), table(by_hand, site, 5)
        np.testing.assert_allclose(found["activation"], wanted["activation"], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found["gradient"], wanted["gradient"], rtol=1e-3, atol=1e-6)
        assert not np.allclose(found["activation"], table(out, site, 0)["activation"], atol=1e-3)


def test_interpolated_points_need_a_step_of_their_own(checkpoints, run, dataset, tmp_path):
    folder = checkpoints("gpt_neox")
    options = ["--checkpoints", folder / "step0", folder / "step10", "--sites", SITES, "--dataset", dataset, "--tokens", "all", "--out", tmp_path / "out"]
    for point, told in {"step0:step10:0.25": "--checkpoint-numbers step0:step10:0.25=NUMBER", "step0:step30:0.5": "there is no checkpoint step30: did you mean step0?"}.items():
        result = run(*options, "--interpolate", point)
        assert result.code == 2 and told in result.err


def test_numbers_beyond_float16_are_warned_of(tokenizer, capture, tmp_path):
    model = random_model("llama")
    with torch.no_grad():
        model.model.layers[0].mlp.down_proj.weight.mul_(1e7)
    model.save_pretrained(tmp_path / "step1")
    tokenizer.save_pretrained(tmp_path / "step1")
    out = capture("--checkpoints", tmp_path / "step1", "--sites", SITES, dtype="float16")
    infinite = int(np.isinf(table(out, "blocks.0.hook_resid_post", 1)["activation"]).sum())
    assert infinite > 0
    assert f"warning: checkpoint step1, site blocks.0.hook_resid_post: {infinite:,} numbers are beyond float16" in capture.told
    capture("--checkpoints", tmp_path / "step1", "--sites", SITES, dtype="bfloat16", out=tmp_path / "wide")
    assert "warning" not in capture.told


def test_checkpoints_of_equal_weights_are_told(tokenizer, capture, tmp_path):
    for step in (1, 2):
        random_model("llama").save_pretrained(tmp_path / f"step{step}")
        tokenizer.save_pretrained(tmp_path / f"step{step}")
    capture("--checkpoints", f"{tmp_path}/step*", "--sites", SITES)
    assert "checkpoints step2 and step1 have exactly the same weights" in capture.told


def test_a_dry_run_writes_nothing_and_its_bytes_are_about_right(checkpoints, capture, run, dataset, tmp_path):
    options = ["--checkpoints", f"{checkpoints('llama')}/step*", "--sites", SITES, "--gradients", "--dataset", dataset, "--tokens", "all", "--dtype", "float32"]
    result = run(*options, "--dry-run", "--out", tmp_path / "dry")
    assert result.code == 0 and not (tmp_path / "dry").exists()
    told = dict(line.split(":", 1) for line in result.out.splitlines())
    assert told["tokens"].split() == "260 in 24 sequences of 24 documents".split()
    # 16 and 24 numbers wide, with gradients, of four bytes, and 8 bytes for the rest of a row.
    assert told["disk"].strip() == f"{260 * (8 * 16 + 8 + 8 * 24 + 8) * 3 / 1024:.3g} KiB for 3 checkpoints"
    assert told["left to do"].strip() == "3 of 3 checkpoints"
    assert {"time", "memory"} <= set(told)
    out = capture(*options[:4], "--gradients")
    half = run(*options, "--dry-run", "--resume", "--out", out)
    assert "left to do:  0 of 3 checkpoints" in half.out


def test_a_folder_in_use_is_not_written_into(checkpoints, run, capture, dataset, tmp_path):
    options = ["--checkpoints", checkpoints("llama") / "step0", "--sites", SITES, "--dataset", dataset, "--tokens", "all"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("…")
    result = run(*options, "--out", tmp_path / "mine")
    assert result.code == 2 and "is not empty (it holds thesis.tex)" in result.err
    out = capture(*options[:4])
    result = run(*options, "--out", out)
    assert result.code == 2 and "--resume goes on with it" in result.err


def test_row_groups_and_files_keep_to_their_sizes(checkpoints, capture, monkeypatch):
    from ontogeny_capture import plan

    monkeypatch.setattr(plan, "LEAST_GROUP_BYTES", 1000)
    monkeypatch.setattr(plan, "GROUP_BYTES", 5000)
    monkeypatch.setattr(plan, "FILE_BYTES", 10_000)
    out = capture("--checkpoints", checkpoints("llama") / "step0", "--sites", SITES)
    for site, width in zip(SITES.split(","), (16, 24)):
        rows = []
        for file in sorted(out.glob(f"site={site}/checkpoint=0/*.parquet")):
            metadata = pq.ParquetFile(file).metadata
            rows.append([metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)])
        assert all(r == 5000 // (width * 4 + 8) for groups in rows for r in groups[:-1])
        assert len(rows) > 1 and all(sum(groups) <= 10_000 // (24 * 4 + 8) for groups in rows)


@pytest.fixture(scope="module")
def s3():
    from moto.server import ThreadedMotoServer

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    before = dict(os.environ)
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1", AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}")
    import boto3

    boto3.client("s3").create_bucket(Bucket="captures")
    yield boto3.client("s3")
    os.environ.clear()
    os.environ.update(before)
    server.stop()


def test_an_object_store_holds_the_same_bytes(checkpoints, capture, run, dataset, s3):
    options = ["--checkpoints", f"{checkpoints('llama')}/step*", "--sites", SITES, "--dataset", dataset, "--tokens", "all", "--dtype", "float32", "--shard-tokens", 100]
    local = capture(*options[:4], shard_tokens=100)
    assert run(*options[:1], checkpoints("llama") / "step0", *options[2:], "--out", "s3://captures/run").code == 0
    assert run(*options, "--out", "s3a://captures/run", "--resume").code == 0
    listed = s3.list_objects_v2(Bucket="captures", Prefix="run/")["Contents"]
    found = {o["Key"].removeprefix("run/"): hashlib.sha256(s3.get_object(Bucket="captures", Key=o["Key"])["Body"].read()).hexdigest() for o in listed}
    assert {k: v for k, v in found.items() if not k.endswith("/")} == digests(local)


def wrong(**changes):
    return {"checkpoints": "{model}", "sites": "blocks.0.hook_resid_post", "dataset": "{dataset}", "tokens": "all", **changes}


@pytest.mark.parametrize(
    "code, options, told",
    [
        (2, wrong(sites=None), "the following arguments are required: --sites"),
        (2, wrong(colour="red"), "unrecognized arguments: --colour red"),
        (2, wrong(dtype="fp16"), "invalid choice: 'fp16'"),
        (2, wrong(tokens=None), "--tokens is missing: a number, or all"),
        (2, wrong(tokens="many"), "many is not a whole number"),
        (2, wrong(tokens="0"), "0 tokens; it must be at least 1, or all"),
        (2, wrong(dataset=None), "there is no text: give --dataset or --pairs"),
        (2, wrong(dataset="nowhere.jsonl"), "--dataset nowhere.jsonl: there is no such file"),
        (2, wrong(context="99"), "--context 99 is more than the 48 positions that the model has"),
        (2, wrong(context="20", batch_tokens="10"), "--batch-tokens 10 is less than --context 20"),
        (2, wrong(checkpoints="nowhere/step1"), "--checkpoints nowhere/step1: there is no such folder"),
        (2, wrong(labels="special"), "the column label_special is this command's own"),
        (2, wrong(device="cuda:99"), "--device cuda:99 cannot be used"),
        (2, wrong(interpolate="step0:step1:2"), "the weight must be between 0 and 1"),
        (2, wrong(checkpoint_numbers="step9=1"), "--checkpoint-numbers names step9: did you mean step10?"),
        (2, wrong(sites="blocks.7.hook_resid_post"), "the model has the blocks 0 to 1"),
        (3, wrong(labels="tpoic"), "texts.jsonl line 1: there is no column tpoic: did you mean topic?"),
        (3, wrong(text_column="grade"), "texts.jsonl line 1: column grade holds a float; it must be text"),
        (3, wrong(dataset="{broken}"), "broken.jsonl line 2 is not JSON"),
        (3, wrong(dataset="{mixed}", labels="l"), "mixed.jsonl line 2: column l holds \"x\", a string; before it held values of type int64"),
        (3, wrong(dataset="{empty}"), "empty.jsonl has no tokens: it has no rows"),
        (3, wrong(checkpoints="{torn}"), "checkpoint step1: its weights cannot be read"),
        (3, wrong(checkpoints="{narrow}"), "checkpoint step2: its weights do not fit its configuration"),
        (4, wrong(out="/proc/nowhere"), "/proc/nowhere: the folder cannot be made"),
    ],
)
def test_every_failure_is_one_line_with_its_code(run, checkpoints, dataset, tmp_path, code, options, told, tokenizer):
    model = checkpoints("llama") / "step10"
    places = {"model": model, "dataset": dataset}
    for name in ("torn", "narrow"):
        folder = tmp_path / name / ("step1" if name == "torn" else "step2")
        random_model("llama").save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        places[name] = folder
    (places["torn"] / "model.safetensors").write_bytes((places["torn"] / "model.safetensors").read_bytes()[:1000])
    config = json.loads((places["narrow"] / "config.json").read_text())
    (places["narrow"] / "config.json").write_text(json.dumps({**config, "intermediate_size": 20}))
    (tmp_path / "broken.jsonl").write_text('{"text": "a"}\n{"text": oops\n')
    (tmp_path / "empty.jsonl").write_text("")
    write_jsonl(tmp_path / "mixed.jsonl", [{"text": "a", "l": 1}, {"text": "b", "l": "x"}])
    places |= {name: tmp_path / f"{name}.jsonl" for name in ("broken", "mixed", "empty")}
    given = [a for k, v in {"out": str(tmp_path / "out"), **options}.items() if v is not None for a in (f"--{k.replace('_', '-')}", v.format(**places))]
    result = run(*given)
    last = result.err.splitlines()[-1]
    assert result.code == code, result.err
    assert "Traceback" not in result.err and told in last
    kind = {2: ("usage", "settings"), 3: ("data",), 4: ("resources",)}[code]
    assert any(last.startswith(f"ontogeny-capture: {k}: ") for k in kind)
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_a_full_disk_and_an_unknown_failure_have_their_codes(run, checkpoints, dataset, tmp_path, monkeypatch):
    import errno

    from ontogeny_capture import site_file

    options = ["--checkpoints", checkpoints("llama") / "step0", "--sites", SITES, "--dataset", dataset, "--tokens", "all"]

    def failing(error):
        def write(self):
            raise error

        return write

    for number, (error, code, told) in enumerate(
        ((OSError(errno.ENOSPC, "No space left on device"), 4, "resources: the disk is full"), (RuntimeError("a bug"), 1, "internal: RuntimeError: a bug"))
    ):
        monkeypatch.setattr(site_file.SiteFile, "write", failing(error))
        result = run(*options, "--out", tmp_path / str(number))
        assert result.code == code and told in result.err.splitlines()[-1]
        assert not list((tmp_path / str(number)).glob("site=*/*/*"))


def test_all_checkpoints_are_there(checkpoints, capture):
    out = capture("--model", checkpoints("llama"), "--revisions", "step0,step10,step20", "--sites", SITES)
    assert sorted(int(p.name.split("=")[1]) for p in (out / "site=blocks.0.hook_resid_post").iterdir()) == list(STEPS)
    numbered = capture("--checkpoints", checkpoints("llama") / "step0", "--checkpoint-numbers", "step0=77", "--sites", SITES, out=out.with_name("numbered"))
    np.testing.assert_array_equal(table(numbered, "blocks.0.hook_resid_post", 77)["activation"], table(out, "blocks.0.hook_resid_post", 0)["activation"])


def test_two_runs_do_not_write_one_checkpoint_and_may_share_a_capture(checkpoints, capture, run, dataset, tmp_path):
    from ontogeny_capture.stores import open_store

    folder = checkpoints("llama")
    options = ["--dataset", dataset, "--tokens", "all", "--dtype", "float32", "--sites", SITES, "--resume"]
    out = capture("--checkpoints", folder / "step0", "--sites", SITES)
    with open_store(str(out)).claim("site=blocks.0.hook_resid_post/checkpoint=10", "it"):
        result = run("--checkpoints", folder / "step10", *options, "--out", out)
        assert result.code == 2
        assert result.err.splitlines()[-1] == f"ontogeny-capture: usage: another run writes checkpoint step10 in {out} at this moment"
        assert run("--checkpoints", folder / "step20", *options, "--out", out).code == 0
    assert run("--checkpoints", folder / "step10", *options, "--out", out).code == 0
    whole = capture("--checkpoints", f"{folder}/step*", "--sites", SITES, out=tmp_path / "whole")
    assert digests(out) == digests(whole)


def test_the_command_is_there_before_torch_is():
    """Its threads read their settings when torch is loaded, and --help need not wait for it."""
    code = "import sys, ontogeny_capture.command; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
