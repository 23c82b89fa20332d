"""Checks that notice when given masked accuracies cannot be right, and what can be used of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.analysis.import_retrieval.ranking_checks import Known, missing_cells
from circuit_scaling.analysis.import_retrieval.reading import AXES
from circuit_scaling.analysis.retrieval.comparison.checked import (
    Checked,
    Outcome,
    TableName,
    asked,
    by_model,
    configuration,
    outcome_of,
    some,
)
from circuit_scaling.vocabulary import counted

_ASKED = AXES[1:]
_SET_KEYS = [*AXES, "ablation", "set_type", "n_heads", "draw"]
_NAME: TableName = "ablation_results"
_NOT_GIVEN = "no masked accuracies were given"
_SAME = 1e-6
_PERCENT = 100
_ACCURACIES = ["accuracy", "baseline_accuracy"]


def with_baselines(ablations: pd.DataFrame) -> pd.DataFrame:
    """Hero and random rows, each with the baseline of its row, else of its configuration.

    A baseline row without a method is that of all methods. NaN where there is none. Random rows of
    one configuration and number of heads are numbered as draws, where the file does not say it.
    """
    masked = ablations[ablations["set_type"] != "baseline"].copy()
    clean = _baseline_rows(ablations)
    for keys, rows in (
        (AXES, clean[clean["method"] != ""]),
        (_ASKED, clean[clean["method"] == ""]),
    ):
        first = rows.dropna(subset="baseline").groupby(keys, sort=False)["baseline"].first()
        found = masked[keys].merge(first.reset_index(), on=keys, how="left")["baseline"]
        masked["baseline_accuracy"] = masked["baseline_accuracy"].fillna(
            pd.Series(found.to_numpy(), index=masked.index)
        )
    if "ablation" not in masked:
        masked["ablation"] = ""
    if "draw" not in masked:
        sets = masked.groupby([*AXES, "ablation", "set_type", "n_heads"], sort=False)
        masked["draw"] = sets.cumcount().where(masked["set_type"] == "random", 0)
    return masked


def ablation_checks(ablations: pd.DataFrame, rankings: pd.DataFrame, known: Known) -> list[Checked]:
    """What every check says of accuracies as :func:`read_ablations` gives them; or of none.

    Args:
        rankings: those that were given with them; may be empty.
        known: model -> roster entry, for the models whose shape is known.
    """
    masked = with_baselines(ablations)
    checks: dict[str, Iterator[Checked]] = {
        "percentages": _percentages(masked),
        "accuracies outside 0 to 1": _outside(masked),
        "missing accuracies": _missing(masked),
        "no baseline": _no_baseline(masked),
        "baselines differ": _baselines_differ(ablations),
        "unknown methods": _unknown_methods(ablations, rankings),
        "duplicate sets": _duplicate_sets(masked),
        "more heads than there are": _too_many_heads(masked, rankings, known),
        "sets of another size": _other_size(masked),
        "missing cells": missing_cells(masked, _NAME),
        "missing numbers of heads": _missing_levels(masked),
    }
    return [
        one
        for check, found in checks.items()
        for one in outcome_of(
            _NAME, check, list(found), looked_at=len(ablations) > 0, why_not=_NOT_GIVEN
        )
    ]


def usable_ablations(ablations: pd.DataFrame) -> pd.DataFrame:
    """Hero and random rows of which something can be concluded, of several for a set the first.

    Left out are rows without an accuracy that do not say why, without a baseline, with one of
    them outside 0 to 1, and all rows of a method and model that are percentages: 0 and 1 would pass
    for fractions.
    """
    masked = with_baselines(ablations)
    masked = masked[~masked.duplicated(_SET_KEYS)]
    percent = [
        place for _, rows in by_model(masked) if _are_percentages(rows) for place in rows.index
    ]
    masked = masked.drop(index=percent)
    possible = masked["accuracy"].between(0, 1) | (masked["accuracy"].isna() & _excused(masked))
    return masked[possible & masked["baseline_accuracy"].between(0, 1)]


def _baseline_rows(ablations: pd.DataFrame) -> pd.DataFrame:
    """Rows that say a baseline: those of kind baseline, by whichever column has it."""
    clean = ablations[ablations["set_type"] == "baseline"]
    return clean.assign(baseline=clean["accuracy"].fillna(clean["baseline_accuracy"]))


def _excused(masked: pd.DataFrame) -> pd.Series:
    """Rows that say why they have no accuracy."""
    if "reason" not in masked:
        return pd.Series(False, index=masked.index)
    return masked["reason"] != ""


def _accuracies(rows: pd.DataFrame) -> NDArray[np.float64]:
    """All accuracies of some rows that are there."""
    values = rows[_ACCURACIES].to_numpy(np.float64)
    known: NDArray[np.float64] = values[~np.isnan(values)]
    return known


def _are_percentages(rows: pd.DataFrame) -> bool:
    """Whether most accuracies that are not 0 are above 1, and none above 100."""
    values = _accuracies(rows)
    above = values[values != 0] > 1
    within = (values >= 0) & (values <= _PERCENT)
    return bool(above.size and above.mean() > 1 / 2 and within.all())


def _percentages(masked: pd.DataFrame) -> Iterator[Checked]:
    for where, rows in by_model(masked):
        if _are_percentages(rows):
            values = _accuracies(rows)
            yield Checked(
                _NAME,
                "percentages",
                where,
                len(rows),
                f"accuracies go from {values.min():g} to {values.max():g}; divide them by 100",
                "percentages in place of fractions of 1",
            )


def _outside(masked: pd.DataFrame) -> Iterator[Checked]:
    for where, rows in by_model(masked):
        wrong = (rows[_ACCURACIES] < 0) | (rows[_ACCURACIES] > 1)
        outside = rows[wrong.any(axis=1)]
        if len(outside) and not _are_percentages(rows):
            values = _accuracies(outside)
            first = values[(values < 0) | (values > 1)][0]
            yield Checked(
                _NAME,
                "accuracies outside 0 to 1",
                where,
                len(outside),
                f"{len(outside)} of {counted(len(rows), 'row')}, such as {first:g}"
                f" ({asked(outside)})",
                "another measure, or another scale, in some rows",
            )


def _missing(masked: pd.DataFrame) -> Iterator[Checked]:
    for where, rows in by_model(masked[masked["accuracy"].isna() & ~_excused(masked)]):
        yield Checked(
            _NAME,
            "missing accuracies",
            where,
            len(rows),
            f"no accuracy in {counted(len(rows), 'row')} ({asked(rows)})",
            "a run that was cut off",
        )


def _no_baseline(masked: pd.DataFrame) -> Iterator[Checked]:
    for where, rows in by_model(masked[masked["baseline_accuracy"].isna()]):
        yield Checked(
            _NAME,
            "no baseline",
            where,
            len(rows),
            f"no accuracy with all heads to compare with for {counted(len(rows), 'row')}"
            f" ({asked(rows)})",
            "baseline rows were left out, or have other names",
        )


def _baselines_differ(ablations: pd.DataFrame) -> Iterator[Checked]:
    """Baselines of one model, question and length: no head is masked, whatever the method.

    Two of one method cannot both be right. Those of two methods may be, if they were measured on
    other samples, which should be known to who compares them.
    """
    clean = _baseline_rows(ablations)
    every = pd.concat(
        [
            clean.assign(value=clean["baseline"]),
            ablations.assign(value=ablations["baseline_accuracy"]),
        ]
    ).dropna(subset="value")
    yield from _differing(every, AXES, "suspect", "two runs, one appended to the other")
    by_method = every.drop_duplicates(AXES)
    yield from _differing(by_method, _ASKED, "noted", "methods were measured on other samples")


def _differing(
    baselines: pd.DataFrame, keys: list[str], outcome: Outcome, cause: str
) -> Iterator[Checked]:
    spread = baselines.groupby(keys, sort=False)["value"].agg(["min", "max"])
    wrong = spread[spread["max"] - spread["min"] > _SAME].reset_index()
    named = [name for name in ("method", "model") if name in keys]
    for where, cells in wrong.groupby(named, sort=False):
        first = cells.iloc[0]
        yield Checked(
            _NAME,
            "baselines differ",
            ", ".join(map(str, where)),
            len(cells),
            f"in {counted(len(cells), 'configuration')}, such as {first['min']:g} and "
            f"{first['max']:g} ({asked(cells)})",
            cause,
            outcome,
        )


def _unknown_methods(ablations: pd.DataFrame, rankings: pd.DataFrame) -> Iterator[Checked]:
    """Methods and models whose best heads were masked, and that no ranking is of."""
    if rankings.empty:
        return
    heroes = ablations[ablations["set_type"] == "hero"]
    for name in ("method", "model"):
        unknown = heroes[~heroes[name].isin(rankings[name].unique())]
        for value, rows in unknown.groupby(name, sort=False):
            yield Checked(
                _NAME,
                "unknown methods",
                str(value),
                len(rows),
                f"the rankings have no {name} of this name; they have {some(rankings[name])}",
                "a name that is spelt in two ways, or tables of two studies",
            )


def _duplicate_sets(masked: pd.DataFrame) -> Iterator[Checked]:
    keys = _SET_KEYS
    for where, rows in by_model(masked[masked.duplicated(keys, keep=False)]):
        yield Checked(
            _NAME,
            "duplicate sets",
            where,
            len(rows),
            f"{counted(len(rows), 'row')} in place of {len(rows.drop_duplicates(keys))}"
            f" ({asked(rows)})",
            "two tables, one appended to the other, or an axis that has no column",
        )


def _too_many_heads(
    masked: pd.DataFrame, rankings: pd.DataFrame, known: Known
) -> Iterator[Checked]:
    """More masked heads than the model has; more than its ranking lists may be a list cut short."""
    shapes = {model: entry.n_layers * entry.n_heads for model, entry in known.items()}
    there = masked["model"].map(shapes).astype(float).fillna(np.inf)
    cause = "sets of another model, or numbers that are no numbers of heads"
    yield from _beyond(masked, there, "are there", "suspect", cause)
    heroes = masked[masked["set_type"] == "hero"]
    sizes: Mapping[object, int] = rankings.groupby(AXES).size().to_dict()
    cells = heroes[AXES].itertuples(index=False, name=None)
    listed = pd.Series(
        [sizes.get(cell, np.inf) for cell in cells], index=heroes.index, dtype=float
    ).clip(upper=there[heroes.index])
    within = heroes[heroes["n_heads"] <= there[heroes.index]]
    yield from _beyond(within, listed, "are ranked", "noted", "rankings that were cut short")


def _beyond(
    masked: pd.DataFrame, most: pd.Series[float], are: str, outcome: Outcome, cause: str
) -> Iterator[Checked]:
    for where, rows in by_model(masked[masked["n_heads"] > most[masked.index]]):
        yield Checked(
            _NAME,
            "more heads than there are" if outcome == "suspect" else "more heads than are ranked",
            where,
            len(rows),
            f"{counted(len(rows), 'set')} of up to {counted(rows['n_heads'].max(), 'head')}, and no"
            f" more than {int(most[rows.index].min())} {are} ({asked(rows)})",
            cause,
            outcome,
        )


def _other_size(masked: pd.DataFrame) -> Iterator[Checked]:
    """Sets that do not have as many heads as ``n_heads`` says, where they are named."""
    named = masked[masked["heads"].map(len) > 0]
    for where, rows in by_model(named[named["heads"].map(len) != named["n_heads"]]):
        first = rows.iloc[0]
        yield Checked(
            _NAME,
            "sets of another size",
            where,
            len(rows),
            f"{len(rows)} of {counted(len(named), 'set')}, such as one of"
            f" {counted(len(first['heads']), 'head')} with "
            f"n_heads = {first['n_heads']} ({asked(rows)})",
            "lists of heads that were cut off",
        )


def _missing_levels(masked: pd.DataFrame) -> Iterator[Checked]:
    """Numbers of best heads that were masked for some methods, questions or lengths only."""
    heroes = masked[masked["set_type"] == "hero"]
    for model, rows in heroes.groupby("model", sort=False):
        levels = rows.groupby([*AXES, "ablation"], sort=False)["n_heads"].agg(set)
        every = set().union(*levels)
        short = levels[levels.map(lambda ks, every=every: ks < every)]
        for method, cells in short.groupby(level="method", sort=False):
            missing = sorted(set().union(*(every - ks for ks in cells)))
            yield Checked(
                _NAME,
                "missing numbers of heads",
                f"{method}, {model}",
                len(cells),
                f"not all of {some(missing)} heads were masked in"
                f" {counted(len(cells), 'configuration')}"
                f" ({some(configuration(*cell[2:4]) for cell in cells.index)})",
                "a run that was cut off",
            )
