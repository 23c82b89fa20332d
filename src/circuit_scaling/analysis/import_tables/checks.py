"""Checks that notice when a table of head effects cannot be right; one function per check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy  # its submodules load on first use, which keeps importing this module cheap

from circuit_scaling.analysis.import_tables.findings import Finding, Head
from circuit_scaling.analysis.import_tables.layouts import DELTAS, why_outside
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.vocabulary import counted

_KEYS = ["model", "layer", "head"]
# Measured effects hardly ever agree to the last digit; a few of a rounded table may.
_SAME_AT_LEAST = 5
_SAME_BEYOND_CHANCE = 5
_HARDLY_EVER = 1e-6
# One or two effects may be exactly 0 by chance, as in a head that attends to nothing.
_ZEROS_AT_LEAST = 3
_ZEROS_PER_NEIGHBOUR = 4
_UNITS = (1, 2, 3)  # effects of so many units of the grid are next to zero
_OFF_THE_GRID = 0.02  # of a unit, for numbers that were added up in single precision

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
                f"{len(outside)} of {counted(len(rows), 'row')}; it has {entry.n_layers} layers of "
                f"{entry.n_heads} heads",
                why_outside(rows),
            )


def duplicate_heads(table: pd.DataFrame) -> Iterator[Finding]:
    """Heads with more than one row."""
    for model, rows in _models(table[table.duplicated(_KEYS, keep=False)]):
        differ = len(rows.drop_duplicates([*_KEYS, *DELTAS])) > len(rows.drop_duplicates(_KEYS))
        yield Finding(
            "duplicate heads",
            model,
            _heads(rows),
            f"{counted(len(rows), 'row')} in place of {len(rows.drop_duplicates(_KEYS))}, with "
            f"{'different' if differ else 'the same'} effects",
            "two tables, one appended to the other",
        )


def same_values(table: pd.DataFrame) -> Iterator[Finding]:
    """Effects that one model shares with another, at the same heads and to the last digit.

    Zeros do not count. Suspect from five on, if they are five times as many as heads of the two
    models with different indices would lead one to expect, and hardly ever as many by chance: on
    a coarse grid (few decimals, half precision) some always agree. So are two columns that are
    the same throughout.
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

    A measured effect is hardly ever exactly 0. Suspect from three on, unless the numbers are so
    coarse that small effects become 0: then effects of one, two or three units stand next to the
    zeros, while a list that was cut short has a gap there, or zeros exactly at the heads that are
    weakest on the other task.
    """
    for model, rows in _models(table):
        for column, other in (DELTAS, DELTAS[::-1]):
            filled = rows[(rows[column] == 0) & np.isfinite(rows[other]) & (rows[other] != 0)]
            if len(filled) < _ZEROS_AT_LEAST:
                continue
            effects, others = rows[column].to_numpy(), rows[other].to_numpy()
            if len(filled) > _zeros_of_rounding(effects) or _zero_where_weak(effects, others):
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
    measured = np.isfinite(one) & np.isfinite(other)
    both = measured & (one != 0) & (other != 0)
    same: npt.NDArray[np.bool_] = both & (one == other)
    n_same, n_both = int(same.sum()), int(both.sum())
    if n_same < _SAME_AT_LEAST:
        return np.zeros_like(same)
    if np.array_equal(one[measured], other[measured]):
        return same
    counts = [pd.Series(values[both]).value_counts() for values in (one, other)]
    # Of all pairs of two heads, those that are no head with itself.
    at_other_heads = counts[0].mul(counts[1], fill_value=0).sum() - n_same
    chance = at_other_heads / (n_both * max(n_both - 1, 1))
    beyond = n_same >= _SAME_BEYOND_CHANCE * chance * n_both
    as_many = scipy.stats.binom.sf(n_same - 1, n_both, chance)
    return same if beyond and as_many < _HARDLY_EVER else np.zeros_like(same)


def _zeros_of_rounding(effects: npt.NDArray[np.float64]) -> float:
    """How many zeros the effects next to zero account for; 0 where no grid is to be seen.

    The grid is that of the small effects, because that of half precision widens with their size:
    all of up to eight times the smallest are multiples of it, which is itself one, two or three
    units. The more steeply the effects fall off beyond one unit, the more lie below half of one.
    Where there are none of one unit, the zeros must not be more than the next ones. Effects that
    reach down to where half precision ends account for any number: no list is cut there.
    """
    sizes = np.sort(np.abs(effects[np.isfinite(effects) & (effects != 0)]))
    if _reach_below_half_precision(sizes):
        return np.inf
    small = sizes[sizes < 8.5 * sizes[:1]]
    if small.size < len(_UNITS):  # as many may seem to be multiples of one another by chance
        return 0
    for smallest in _UNITS:
        units = small / small[0] * smallest
        if (np.abs(units - np.round(units)) < _OFF_THE_GRID).all():
            one, two, three = (int((np.round(units) == unit).sum()) for unit in _UNITS)
            steepness = max(one / max(two, 1), 1)
            if one:
                return _ZEROS_PER_NEIGHBOUR * steepness * (one + two + three)
            return two + three
    return 0


def _reach_below_half_precision(sizes: npt.NDArray[np.float64]) -> bool:
    """Whether these are numbers of float16, and some of them too small to have all its digits."""
    with np.errstate(over="ignore"):
        half = sizes.astype(np.float16)
    few_digits = int((sizes < float(np.finfo(np.float16).tiny)).sum())
    return few_digits >= _ZEROS_AT_LEAST and bool((half == sizes).all())


def _zero_where_weak(effects: npt.NDArray[np.float64], others: npt.NDArray[np.float64]) -> bool:
    """Whether the heads that are weakest on the other task are zero, too often to be chance."""
    at_all = np.isfinite(effects) & np.isfinite(others) & (others != 0)
    zero, sizes = effects[at_all] == 0, np.abs(others[at_all])
    if zero.all():
        return False
    weakest = int((sizes < sizes[~zero].min()).sum())
    return bool(zero.mean() ** weakest < _HARDLY_EVER)
