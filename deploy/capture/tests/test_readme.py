"""The commands of the README that need no download, word for word, in its order."""

import os
import pathlib
import re
import subprocess
import sys

from conftest import table

README = (pathlib.Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_commands_on_the_tiny_model(tmp_path):
    blocks = re.findall(r"^```\n(.*?)^```", README, re.M | re.S)
    commands = [c for block in blocks for c in block.replace("\\\n", " ").splitlines() if "tiny" in c]
    assert len(commands) == 4
    pairs = re.search(r'^`(\{"clean".*\})`', README, re.M)[1]
    (tmp_path / "pairs.jsonl").write_text(pairs + "\n")
    # The command that belongs to this Python.
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    for command in commands:
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env={**os.environ, "PATH": path}, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert "warning" not in done.stderr

    steps = [0, 4, 16, 64, 256]
    loss = {}
    for step in steps:
        found = table(tmp_path / "capture", "blocks.2.mlp.hook_post", step)
        assert found["activation"].shape == found["gradient"].shape and found["activation"].shape[1] == 256
        known = [x for x in found["loss"] if x is not None]
        loss[step] = sum(known) / len(known)
    assert 49_000 < len(found["token_id"]) <= 50_000
    assert set(found["label_topic"]) == {"story", "counting", "sums", "code", "recipe"}
    assert sorted(loss, key=loss.get, reverse=True) == steps and loss[256] < 1 < 6 < loss[0]
    assert table(tmp_path / "pairs", "blocks.2.hook_resid_post", 64)["label_side"][0] == "clean"
    assert sorted(int(p.name.split("=")[1]) for p in (tmp_path / "between").glob("site=*/*")) == [16, 40, 64]
