"""A table with one row per ablation and positions, and one column per task."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from circuit_scaling.figures.style import task_looks
from circuit_scaling.report.blocks import Cell, Table, text_cell


def table_by_kind(rows: pd.DataFrame, cell: Callable[[pd.DataFrame], Cell], caption: str) -> Table:
    """``cell`` of the rows of each kind and task; it is given an empty frame for none."""
    tasks = task_looks(rows["task"])
    lines = []
    for (ablation, positions), group in rows.groupby(["ablation", "positions"], sort=False):
        cells = [cell(group[group["task"] == task]) for task in tasks]
        lines.append((text_cell(f"{ablation}, {positions}"), *cells))
    names = ["ablation, positions", *(look.label for look in tasks.values())]
    return Table(names, lines, caption)
