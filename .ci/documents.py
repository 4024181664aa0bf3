"""Runs the Python and DuckDB blocks of the pages in .github/docs, word for word, on what a run published.

    python .ci/documents.py FOLDER
"""

import pathlib
import re
import sys

import duckdb

PAGES = pathlib.Path(__file__).resolve().parent.parent / ".github" / "docs"
FOLDER = sys.argv[1]

ran = {"python": 0, "sql": 0}
for page in sorted(PAGES.glob("*.md")):
    for language, block in re.findall(r"^```(python|sql)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S):
        if language == "sql" and not block.startswith("-- DuckDB"):
            continue  # a test of the build runs it with Spark
        block = block.replace("/data/run-1", FOLDER)
        print(f"{page.name}:\n{block}")
        if language == "python":
            exec(compile(block, page.name, "exec"), {})
        else:
            print(duckdb.sql(block))
        ran[language] += 1
assert all(ran.values()), ran
