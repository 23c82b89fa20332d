"""A comparison as files: tables as CSV, and a figure for each model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from circuit_scaling.compare.heads import Heads
from circuit_scaling.compare.made import Difference
from circuit_scaling.datasets.atomic import write_bytes_atomically
from circuit_scaling.figures import to_png, to_svg
from circuit_scaling.figures.compare.two_runs import two_runs
from circuit_scaling.figures.style import file_name

_LINEAR = 0.05  # the end of the linear part of the axes, where the runs do not say their tau


def write(
    folder: Path, made: Iterable[Difference], heads: Heads | None, numbers: pd.DataFrame
) -> None:
    """Write everything; files of these names are replaced.

    Raises:
        OSError: the folder cannot be written.
    """
    told = [(one.what, one.a, one.b) for one in made]
    tables = {"made": pd.DataFrame(told, columns=["what", "a", "b"]), "numbers": numbers}
    if heads is not None:
        tables |= {"effects": heads.effects, "categories": heads.categories}
        tables |= {"models": heads.models}
        for model, rows in heads.effects.groupby("model", sort=False):
            name = f"effects_{file_name(str(model))}"
            figure = two_runs(rows, heads.tau[0] or _LINEAR)
            write_bytes_atomically(folder / f"{name}.png", to_png(figure))
            write_bytes_atomically(folder / f"{name}.svg", to_svg(figure).encode())
    for name, table in tables.items():
        write_bytes_atomically(folder / f"{name}.csv", table.to_csv(index=False).encode())
