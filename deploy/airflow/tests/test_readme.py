"""The README's Python and commands are those that there are."""

import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent.parent
README = (HERE / "README.md").read_text(encoding="utf-8")


def test_its_python_is_what_the_examples_have_and_runs():
    first, second = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
    assert first == (HERE / "examples" / "line.py").read_text(encoding="utf-8")
    exec(compile(second, "README.md", "exec"), {})


def test_it_leads_to_every_example():
    for example in (HERE / "examples").glob("*.py"):
        assert f"(examples/{example.name})" in README
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (HERE / picture).exists()
