"""The Python of the README, word for word, in its order and in one Python, as a notebook's cells are run."""

import os
import pathlib
import re
import subprocess
import sys

README = (pathlib.Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


def test_every_block_runs(tmp_path):
    blocks = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)
    assert len(blocks) == 4
    page = tmp_path / "page.py"
    page.write_text("\n".join(blocks).replace("/data/", f"{tmp_path}/data/"), encoding="utf-8")
    done = subprocess.run([sys.executable, str(page)], capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"})
    assert done.returncode == 0, done.stderr
    assert "independent-features-top-k-w64-k4-r0-c0" in done.stdout and "(32, 64)" in done.stdout
