"""Numbers of models in two runs, with both intervals, and whether these exclude each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from circuit_scaling.compare.runs import Run
from circuit_scaling.vocabulary import CATEGORIES


class _Number(NamedTuple):
    """The columns of a value and of the ends of its interval."""

    value: str
    low: str
    high: str


def _named(*values: str) -> tuple[_Number, ...]:
    return tuple(_Number(value, f"{value}_low", f"{value}_high") for value in values)


_SETS = ("model", "task", "ablation", "positions", "hero_set", "k")
_MASKS = ("method", "model", "question", "token_length", "ablation", "n_heads")
_NUMBERS: Mapping[str, tuple[tuple[str, ...], tuple[_Number, ...]]] = {
    "competence": (
        ("model", "task"),
        (_Number("clean_metric", "low", "high"), *_named("accuracy")),
    ),
    "head_category_summary": (
        ("model",),
        tuple(
            _Number(f"frac_{name}_true", f"frac_{name}_low", f"frac_{name}_high")
            for name in CATEGORIES
        ),
    ),
    "corr_vs_scale": (("model",), _named("corr_true")),
    "transfer_summary": (
        ("base_model", "tgt_model", "task"),
        (_Number("mean_frac_rank", "low", "high"),),
    ),
    "ablation_summary": (
        _SETS,
        (_Number("mean_diff", "low", "high"), *_named("accuracy", "matched_difference")),
    ),
    "masking_summary": (
        _MASKS,
        _named("baseline_accuracy", "accuracy", "accuracy_difference"),
    ),
}
"""Table -> the columns that name a row, and its numbers."""


def compare_numbers(a: Run, b: Run) -> pd.DataFrame:
    """A row for each number that both runs have, in the order of the studies.

    ``apart``: whether the intervals exclude each other; missing where one of them is. Intervals
    that overlap may be of different numbers all the same: those are not told apart.
    """
    frames = [frame for table in _NUMBERS for frame in _of_table(table, a, b)]
    columns = ["table", "of", "number", "a", "a_low", "a_high", "b", "b_low", "b_high"]
    found = pd.concat([pd.DataFrame(columns=columns), *frames], ignore_index=True)
    known = found[["a_low", "a_high", "b_low", "b_high"]].notna().all(axis=1)
    apart = (found["a_high"] < found["b_low"]) | (found["b_high"] < found["a_low"])
    return found.assign(
        difference=found["b"].astype(float) - found["a"].astype(float),
        apart=apart.astype("boolean").where(known, pd.NA),
    )


def _of_table(name: str, a: Run, b: Run) -> Iterator[pd.DataFrame]:
    keys, numbers = _NUMBERS[name]
    of_a, of_b = a.table(name), b.table(name)
    if of_a is None or of_b is None:
        return
    both = of_a.merge(of_b, on=[*keys], suffixes=("_a", "_b"))
    for number in numbers:
        sides = {
            f"{run}{end}": both[f"{column}_{run}"].to_numpy(float)
            for run in "ab"
            for end, column in zip(("", "_low", "_high"), number, strict=True)
            if f"{column}_{run}" in both
        }
        if len(sides) < 6:
            continue  # a table of an older version
        frame = pd.DataFrame(sides).assign(table=name, number=number.value, of=_words(both, keys))
        yield frame[~(np.isnan(frame["a"]) & np.isnan(frame["b"]))]


def _words(rows: pd.DataFrame, keys: tuple[str, ...]) -> list[str]:
    """Each row's keys as one text."""
    return [" ".join(map(str, key)) for key in zip(*(rows[name] for name in keys), strict=True)]
