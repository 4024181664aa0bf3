"""The notebook, run again from its first cell to its last; what it shows must still be so."""

import pathlib
import re

import nbclient
import nbformat

NOTEBOOK = pathlib.Path(__file__).resolve().parent.parent / "examples" / "dictionary.ipynb"


def test_every_cell_runs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    said = "".join(output["text"] for output in outputs if output.get("name") == "stdout")
    assert int(re.search(r"(\d+) of 40 directions", said)[1]) >= 36
    assert float(re.search(r"cosine to the first direction is (-?[\d.]+)", said)[1]) > 0.9
