"""Checks that notice when a table of head effects cannot be right; one function per check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations

import numpy as np
import numpy.typing as npt
import pandas as pd

from circuit_scaling.analysis.imported.findings import Finding, Head
from circuit_scaling.analysis.imported.reading import DELTAS
from circuit_scaling.models.roster import RosterEntry

_KEYS = ["model", "layer", "head"]
# Measured effects hardly ever agree to the last digit; a few of a rounded table may.
_SAME_AT_LEAST = 5
_SAME_BEYOND_CHANCE = 5
# One or two effects may be exactly 0 by chance, as in a head that attends to nothing.
_ZEROS_AT_LEAST = 3
_MOST_DECIMALS = 6
_ZEROS_PER_NEIGHBOUR = 4

Known = Mapping[str, RosterEntry]


def all_findings(table: pd.DataFrame, known: Known) -> list[Finding]:
    """What every check finds.

    Args:
        table: a row per head with model, layer, head, delta_ioi and delta_anti.
        known: model -> roster entry, for the models whose shape is known.
    """
    return [
        *outside_the_shape(table, known),
        *duplicate_heads(table),
        *same_values(table),
        *exact_zeros(table),
        *missing_heads(table, known),
        *not_finite(table),
        *not_possible(table, known),
    ]


def outside_the_shape(table: pd.DataFrame, known: Known) -> Iterator[Finding]:
    """Rows of layers or heads that the model does not have."""
    for model, rows, entry in _known_models(table, known):
        outside = rows[(rows["layer"] >= entry.n_layers) | (rows["head"] >= entry.n_heads)]
        if len(outside):
            yield Finding(
                "outside the shape",
                model,
                _heads(outside),
                f"{len(outside)} of {len(rows)} rows; it has {entry.n_layers} layers of "
                f"{entry.n_heads} heads",
                "rows of a larger model under this name, or layer and head exchanged",
            )


def duplicate_heads(table: pd.DataFrame) -> Iterator[Finding]:
    """Heads with more than one row."""
    for model, rows in _models(table[table.duplicated(_KEYS, keep=False)]):
        differ = len(rows.drop_duplicates([*_KEYS, *DELTAS])) > len(rows.drop_duplicates(_KEYS))
        yield Finding(
            "duplicate heads",
            model,
            _heads(rows),
            f"{len(rows)} rows in place of {len(rows.drop_duplicates(_KEYS))}, with "
            f"{'different' if differ else 'the same'} effects",
            "two tables, one appended to the other",
        )


def same_values(table: pd.DataFrame) -> Iterator[Finding]:
    """Effects that one model shares with another, at the same heads and to the last digit.

    Zeros do not count. Suspect from five on, if these are all effects that both models have, or
    five times as many as would agree if the heads of one model were shuffled: in a table that was
    rounded, some always agree.
    """
    heads = table.drop_duplicates(_KEYS)
    for column in DELTAS:
        wide = heads.pivot(index=["layer", "head"], columns="model", values=column)
        shared: dict[str, dict[str, npt.NDArray[np.bool_]]] = {}
        for one, other in permutations(dict.fromkeys(table["model"]), 2):
            same = _same(wide[one].to_numpy(), wide[other].to_numpy())
            if same.any():
                shared.setdefault(one, {})[other] = same
        for model, others in shared.items():
            same = np.logical_or.reduce(list(others.values()))
            yield Finding(
                "same values in two models",
                model,
                tuple(wide.index[same]),
                f"{same.sum()} effects equal those of {', '.join(others)}",
                "the column of one model was written for several",
                column,
            )


def exact_zeros(table: pd.DataFrame) -> Iterator[Finding]:
    """Effects of exactly 0 on one task, at heads that have an effect on the other.

    A measured effect is hardly ever exactly 0. Suspect from three on, unless rounding explains
    them: where a column is rounded to so many decimals, effects of one or two units of the last
    one are about as frequent as zeros, and a list that was cut short has none of them.
    """
    for model, rows in _models(table):
        for column, other in (DELTAS, DELTAS[::-1]):
            filled = rows[(rows[column] == 0) & np.isfinite(rows[other]) & (rows[other] != 0)]
            allowed = _ZEROS_PER_NEIGHBOUR * _next_to_zero(rows[column].to_numpy())
            if len(filled) >= _ZEROS_AT_LEAST and len(filled) > allowed:
                yield Finding(
                    "exact zeros",
                    model,
                    _heads(filled),
                    f"{len(filled)} of {len(rows)} effects are exactly 0 where {other} is not",
                    "a list of the strongest heads, filled up with zeros",
                    column,
                )


def missing_heads(table: pd.DataFrame, known: Known) -> Iterator[Finding]:
    """Heads of the model that have no row; then no share or correlation is that of the model."""
    for model, rows, entry in _known_models(table, known):
        there = set(_heads(rows))
        every = [(layer, head) for layer in range(entry.n_layers) for head in range(entry.n_heads)]
        absent = tuple(head for head in every if head not in there)
        if absent:
            yield Finding(
                "missing heads",
                model,
                absent,
                f"{len(absent)} of its {len(every)} heads have no row",
                "a list of the strongest heads in place of a full scan",
                whole_model=True,
            )


def not_finite(table: pd.DataFrame) -> Iterator[Finding]:
    """Effects that are missing or infinite."""
    for model, rows in _models(table):
        for column in DELTAS:
            bad = rows[~np.isfinite(rows[column])]
            if len(bad):
                yield Finding(
                    "not finite",
                    model,
                    _heads(bad),
                    f"{len(bad)} of {len(rows)} effects are missing or infinite",
                    "a scan that overflowed or was cut off",
                    column,
                )


def not_possible(table: pd.DataFrame, known: Known) -> Iterator[Finding]:
    """The checks that need a shape, for the models whose shape is not known."""
    for model, _ in _models(table):
        if model not in known:
            for check in ("outside the shape", "missing heads"):
                detail = "no roster has this model, so its shape is not known"
                yield Finding(check, model, detail=detail, outcome="not possible")


def _known_models(
    table: pd.DataFrame, known: Known
) -> Iterator[tuple[str, pd.DataFrame, RosterEntry]]:
    for model, rows in _models(table):
        if model in known:
            yield model, rows, known[model]


def _models(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for model, rows in table.groupby("model", sort=False):
        yield str(model), rows


def _heads(rows: pd.DataFrame) -> tuple[Head, ...]:
    return tuple(rows[["layer", "head"]].itertuples(index=False, name=None))


def _same(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Where two models agree, if that is too often to be chance; nowhere otherwise."""
    both = np.isfinite(one) & np.isfinite(other) & (one != 0) & (other != 0)
    same = both & (one == other)
    counts = [pd.Series(values[both]).value_counts() for values in (one, other)]
    by_chance = counts[0].mul(counts[1], fill_value=0).sum() / max(both.sum(), 1)
    beyond = same.sum() == both.sum() or same.sum() >= _SAME_BEYOND_CHANCE * by_chance
    return same if same.sum() >= _SAME_AT_LEAST and beyond else np.zeros_like(same)


def _next_to_zero(effects: npt.NDArray[np.float64]) -> int:
    """How many effects are one or two units of the decimal to which all of them are rounded."""
    values = effects[np.isfinite(effects) & (effects != 0)]
    for decimals in range(_MOST_DECIMALS + 1):
        if (np.round(values, decimals) == values).all():
            return int((np.abs(values) < 2.5 * 10.0**-decimals).sum())
    return 0
