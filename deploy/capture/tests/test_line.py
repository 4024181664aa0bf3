"""Captures of four architectures through the whole line of Ontogeny, by the launcher that ONTOGENY names."""

import json
import os
import subprocess

import pyarrow.parquet as pq
import pytest
from conftest import STEPS, files
from test_loader import PICTURES, SITES, vit  # noqa: F401

pytestmark = pytest.mark.skipif("ONTOGENY" not in os.environ, reason="ONTOGENY=deploy/ontogeny runs captures through the line, which needs a JDK")

LINE = """
shard { shards = 4 }
train {
  dictionaries = [ { type = top-k, width = 32, k = 4 } ]
  training { tokens = 2048, link-tokens = 512, batch = 32, dead-window = 1000 }
}
measure { top-examples = 4, quantiles = 2, examples-per-quantile = 1, replicates = 8 }
evolve { phases { shifts = 20, bootstraps = 20 } }
"""


@pytest.mark.parametrize("architecture", ["gpt_neox", "gpt2", "llama"])
def test_a_language_model(architecture, capture, checkpoints, tmp_path):
    sites = ["blocks.0.attn.hook_z", "blocks.1.hook_resid_post"]
    out = capture("--checkpoints", f"{checkpoints(architecture)}/step*", "--sites", ",".join(sites), "--gradients", labels="topic,grade", dtype="float16")
    assert_reported(out, sites, ["grade", "special", "topic"], tmp_path)


def test_a_vision_transformer(capture, vit, tmp_path):  # noqa: F811
    out = capture("--loader", f"{PICTURES}:Pictures", "--checkpoints", f"{vit}/step*", "--sites", ",".join(SITES), dataset=None, tokens=None, dtype="bfloat16")
    assert_reported(out, SITES, ["kind"], tmp_path)


def assert_reported(out, sites, labels, work):
    (work / "line.conf").write_text(LINE, encoding="utf-8")
    command = [os.path.abspath(os.environ["ONTOGENY"]), "run", "--config", work / "line.conf", "--set", f"work={work / 'line'}", "--set", f"shard.input={out}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = [json.loads(line.removeprefix("RESULT ")) for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert [r["job"] for r in results] == ["shard", "train", "measure", "evolve", "report"]
    dataset = results[0]["summary"]
    assert dataset["rows"] == sum(pq.read_metadata(f).num_rows for f in files(out, sites[0], STEPS[0]))
    assert [(s["site"], s["checkpoints"]) for s in dataset["sites"]] == [(s, list(STEPS)) for s in sorted(sites)]
    manifest = json.loads((work / "line" / "dataset" / "_manifest.json").read_text(encoding="utf-8"))
    tokens = next(f["path"] for f in manifest["files"] if f["table"] == "tokens")
    columns = pq.read_schema(work / "line" / "dataset" / tokens).names
    assert sorted(c.removeprefix("label_") for c in columns if c.startswith("label_")) == labels
    assert (work / "line" / "report" / "index.html").exists()
