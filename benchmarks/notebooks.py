"""Execute the notebooks in place, on the tables of the last run: ``make notebooks``.

What is written depends on the tables alone: no times, no paths of the machine, no random ids.
"""

from __future__ import annotations

import argparse
import base64
import io
import re
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

PROJECT = Path(__file__).parents[1]
FOLDER = PROJECT / "notebooks"
MOST_BYTES = 250_000
_COLOURS = 256
_SECONDS = 300  # of one cell
_RICH = ("image/png", "text/html", "text/markdown")
_STYLER_ID = re.compile(r"T_[0-9a-f]{5}")  # pandas draws one for every table


def notebooks() -> list[Path]:
    """The notebooks of the project."""
    return sorted(FOLDER.glob("*.ipynb"))


def executed(paths: Sequence[Path]) -> list[NotebookNode]:
    """The notebooks with their outputs, from the tables of the environment.

    They run in one process, which imports what all need once; no name of one is known to the next.

    Raises:
        CellExecutionError: a cell failed.
    """
    found = [nbformat.read(path, as_version=4) for path in paths]
    together = nbformat.v4.new_notebook()
    for notebook in found:
        together.cells += [nbformat.v4.new_code_cell("%reset -f"), *notebook.cells]
    resources = {"metadata": {"path": str(FOLDER)}}
    NotebookClient(together, timeout=_SECONDS, kernel_name="python3", resources=resources).execute()
    return found


def normalise(notebook: NotebookNode) -> None:
    """Leave in the outputs what is the same for the same tables.

    Raises:
        ValueError: an output names a folder of this machine.
    """
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = NotebookNode(kernelspec=kernel, language_info={"name": "python"})
    count = 0
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number}", NotebookNode()
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = count
            if "data" in output:
                output.metadata = NotebookNode()
                _normalise_data(output.data, cell.id)
            if str(PROJECT) in str(output):
                raise ValueError(f"{cell.id} shows the folder '{PROJECT}'")


def _normalise_data(data: NotebookNode, cell: str) -> None:
    if any(kind in data for kind in _RICH):
        data.pop("text/plain", None)  # says no more, and of some objects where they lie in memory
    if "image/png" in data:
        data["image/png"] = _smaller(data["image/png"])
    if "text/html" in data:
        data["text/html"] = _STYLER_ID.sub(f"T_{cell}", data["text/html"])


def _smaller(png: str) -> str:
    """The picture with 256 colours: a third of the bytes, and nobody sees it."""
    picture = Image.open(io.BytesIO(base64.b64decode(png)))
    if picture.mode == "P":
        return png
    buffer = io.BytesIO()
    picture.convert("RGB").quantize(_COLOURS).save(buffer, format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def main() -> None:
    """Execute one notebook, or all."""
    every = {path.stem: path for path in notebooks()}
    parser = argparse.ArgumentParser(prog="python -m benchmarks.notebooks", description=__doc__)
    parser.add_argument("--only", choices=every, help="one notebook in place of all")
    only = parser.parse_args().only
    paths = [every[only]] if only else [*every.values()]
    for path, notebook in zip(paths, executed(paths), strict=True):
        normalise(notebook)
        text = nbformat.writes(notebook) + "\n"
        if len(text) > MOST_BYTES:
            raise ValueError(f"{path.name} has {len(text):,} bytes, more than {MOST_BYTES:,}")
        path.write_text(text)
        print(f"{path.name}: {len(text) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
