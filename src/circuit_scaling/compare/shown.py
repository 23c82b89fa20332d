"""A comparison as people read it on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from circuit_scaling.compare.heads import Heads, moved
from circuit_scaling.compare.made import Difference
from circuit_scaling.vocabulary import ALPHA, counted

_SHOWN = 12
_LONGEST = 60


def show(
    made: Sequence[Difference], heads: Heads | None, numbers: pd.DataFrame, console: Console
) -> None:
    """Print what differs: how the runs were made, heads, numbers."""
    apart = numbers[numbers["apart"].fillna(False).astype(bool)]
    same_numbers = bool((numbers["a"] == numbers["b"]).all())
    if heads is not None and heads.models.empty and numbers.empty:
        heads = None
        console.print("No model is in both runs: there is nothing to compare.")
    if not made:
        console.print("Both runs were made in the same way, as far as their tables say.")
    else:
        console.print(_table("Made differently", ("what", "A", "B"), [_cells(m) for m in made]))
    if heads is not None and heads.identical and same_numbers:
        console.print(
            f"Identical: {len(heads.effects):,} effects, all categories and "
            f"{counted(len(numbers), 'number')} of models are exactly the same."
        )
        return
    if heads is not None:
        _show_heads(heads, console)
    if numbers.empty:
        return
    known = int(numbers["apart"].notna().sum())
    console.print(
        f"Of {counted(len(numbers), 'number')} of models, {known:,} with intervals in both runs: "
        f"the intervals of {len(apart):,} exclude each other.",
        highlight=False,
    )
    if len(apart):
        rows = [
            (row["table"], row["of"], row["number"], _interval(row, "a"), _interval(row, "b"))
            for _, row in apart.head(_SHOWN).iterrows()
        ]
        console.print(
            _table(_of("Numbers apart", apart), ("table", "of", "number", "A", "B"), rows)
        )


def _show_heads(heads: Heads, console: Console) -> None:
    if heads.identical:
        console.print(f"All {len(heads.effects):,} effects and categories are exactly the same.")
        return
    head = ("model", "heads", "effects", "moved", "largest", "changed", "by noise", "resolved")
    rows = [
        (
            str(row["model"]),
            f"{row['heads']:,}",
            f"{row['effects']:,}{'' if row['paired'] else ' *'}",
            "–" if pd.isna(row["moved"]) else f"{row['moved']:,}",
            _number(row["largest"]),
            f"{row['changed']:,}",
            "–" if pd.isna(row["expected"]) else f"{row['expected']:.1f}",
            f"{row['changed_resolved']:,}",
        )
        for _, row in heads.models.iterrows()
    ]
    console.print(_table("Heads", head, rows))
    console.print(
        f"moved: effects of heads on tasks that differ, q < {ALPHA:g} over those of a model; "
        "changed: heads of another category, beside how many noise alone would change; resolved: "
        "changed heads whose categories are sure in both runs. *: not over the same names, from "
        "standard errors.",
        style="dim",
        highlight=False,
    )
    if heads.tau[0] != heads.tau[1]:
        console.print(f"τ is {heads.tau[0]} in A and {heads.tau[1]} in B.", highlight=False)
    strongest = [
        (
            str(row["model"]),
            f"L{row['layer']}H{row['head']}",
            str(row["task"]),
            _number(row["delta_a"]),
            _number(row["delta_b"]),
            f"{row['difference']:+.3f} [{row['low']:.3f}, {row['high']:.3f}]",
            f"{row['q']:.2g}",
        )
        for row in islice(moved(heads.effects), _SHOWN)
    ]
    if strongest:
        names = ("model", "head", "task", "Δ in A", "Δ in B", "B - A", "q")
        all_moved = heads.effects[heads.effects["q"] < ALPHA]
        console.print(_table(_of("Effects that moved", all_moved), names, strongest))
    if len(heads.categories):
        changed = [
            (
                str(row["model"]),
                f"L{row['layer']}H{row['head']}",
                *(f"{row[f'category_{run}']}{_sure(row[f'resolved_{run}'])}" for run in "ab"),
            )
            for _, row in heads.categories.head(_SHOWN).iterrows()
        ]
        title = _of("Other categories (? not resolved)", heads.categories)
        console.print(_table(title, ("model", "head", "A", "B"), changed))


def _sure(resolved: object) -> str:
    return "" if resolved is True or resolved == 1 else " ?"


def _of(title: str, rows: pd.DataFrame) -> str:
    return title if len(rows) <= _SHOWN else f"{title}: {_SHOWN} of {len(rows):,}"


def _number(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.3f}"


def _interval(row: pd.Series, run: str) -> str:
    return f"{row[run]:.3f} [{row[f'{run}_low']:.3f}, {row[f'{run}_high']:.3f}]"


def _cells(difference: Difference) -> tuple[str, str, str]:
    return difference.what, _cut(difference.a), _cut(difference.b)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def _table(title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(*names, title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*map(escape, row))
    return table
