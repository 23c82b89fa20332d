"""The notebook runs on the tables of a run, from top to bottom."""

from __future__ import annotations

import nbformat
from nbclient import NotebookClient

from tests.conftest import PROJECT


def test_the_notebook_runs(study):
    notebook = nbformat.read(PROJECT / "notebooks" / "heads.ipynb", as_version=4)
    resources = {"metadata": {"path": str(PROJECT / "notebooks")}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    assert all(outputs[1:]), "every cell after the extension shows something"
    printed = "".join(output.get("text", "") for output in outputs[4])
    assert "mini_gpt2_s L" in printed
