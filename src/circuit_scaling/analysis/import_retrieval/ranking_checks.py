"""Checks that notice when a given table of rankings cannot be right; one function per check."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy  # its submodules load on first use, which keeps importing this module cheap
from numpy.typing import NDArray

from circuit_scaling.analysis.import_retrieval.reading import AXES
from circuit_scaling.analysis.import_tables.layouts import why_outside
from circuit_scaling.analysis.retrieval.comparison.checked import (
    Checked,
    TableName,
    by_model,
    configuration,
    heads_of,
    outcome_of,
    some,
)
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.vocabulary import counted

_HEAD = [*AXES, "layer", "head"]
_NAME: TableName = "head_rankings"
_NOT_GIVEN = "no rankings were given"
Known = Mapping[str, RosterEntry]


class _Ranking(NamedTuple):
    """One ranking: of which method and model, of what, and ranks and scores [heads]."""

    where: str
    asked: str
    ranks: NDArray[np.float64]
    scores: NDArray[np.float64]


def ranking_checks(rankings: pd.DataFrame, known: Known) -> list[Checked]:
    """What every check says of rankings as :func:`read_rankings` gives them; they may be empty.

    Args:
        known: model -> roster entry, for the models whose shape is known.
    """
    each = _each_ranking(rankings.drop_duplicates(_HEAD))
    checks: dict[str, Iterator[Checked]] = {
        "outside the shape": _outside_the_shape(rankings, known),
        "duplicate heads": _duplicate_heads(rankings),
        "ranks not from 1 on": _of_rankings(
            each, "ranks not from 1 on", _not_from_1_on, "heads left out after they were ranked"
        ),
        "tied ranks": _of_rankings(
            each, "tied ranks", _tied, "equal ranks for equal scores, or two rankings in one"
        ),
        "ranks against scores": _of_rankings(
            each, "ranks against scores", _against_scores, "ranked by another column, or upwards"
        ),
        "missing cells": missing_cells(rankings, _NAME),
    }
    return [
        one
        for check, found in checks.items()
        for one in outcome_of(
            _NAME, check, list(found), looked_at=len(rankings) > 0, why_not=_NOT_GIVEN
        )
    ]


def usable_rankings(rankings: pd.DataFrame) -> pd.DataFrame:
    """Of several rows for a head the first one, and only rows whose rank is a whole number from 0.

    Ranks that are no ranking stay as they are: what was meant is not known.
    """
    once = rankings.drop_duplicates(_HEAD)
    return once[(once["rank"] >= 0) & (once["rank"] % 1 == 0)]


def missing_cells(table: pd.DataFrame, name: TableName) -> Iterator[Checked]:
    """Combinations of method, model, question and length that have no row."""
    there = set(table[AXES].drop_duplicates().itertuples(index=False, name=None))
    every = product(*(dict.fromkeys(table[axis]) for axis in AXES))
    absent = [cell for cell in every if cell not in there]
    for method, model in dict.fromkeys(cell[:2] for cell in absent):
        cells = [cell[2:] for cell in absent if cell[:2] == (method, model)]
        total = table["question"].nunique() * table["token_length"].nunique()
        yield Checked(
            name,
            "missing cells",
            f"{method}, {model}",
            len(cells),
            f"nothing of {len(cells)} of {counted(total, 'configuration')} "
            f"({some(configuration(*cell) for cell in cells)})",
            "a run that was cut off, or a name that is spelt in two ways",
        )


def _outside_the_shape(rankings: pd.DataFrame, known: Known) -> Iterator[Checked]:
    """Rows of layers or heads that the model does not have."""
    for where, rows in by_model(rankings):
        entry = known.get(str(rows["model"].iloc[0]))
        if entry is None:
            continue
        outside = rows[(rows["layer"] >= entry.n_layers) | (rows["head"] >= entry.n_heads)]
        if len(outside):
            yield Checked(
                _NAME,
                "outside the shape",
                where,
                len(outside),
                f"{len(outside)} of {counted(len(rows), 'row')}; the model has"
                f" {entry.n_layers} layers of {entry.n_heads} heads ({some(heads_of(outside))})",
                why_outside(rows),
            )


def _duplicate_heads(rankings: pd.DataFrame) -> Iterator[Checked]:
    """Heads with more than one row in a ranking."""
    for where, rows in by_model(rankings[rankings.duplicated(_HEAD, keep=False)]):
        n_heads = len(rows.drop_duplicates(_HEAD))
        n_rankings = len(rows[AXES].drop_duplicates())
        yield Checked(
            _NAME,
            "duplicate heads",
            where,
            len(rows),
            f"{counted(len(rows), 'row')} in place of {n_heads}, in"
            f" {counted(n_rankings, 'ranking')} ({some(heads_of(rows))})",
            "two tables, one appended to the other, or an axis that has no column",
        )


def _each_ranking(rankings: pd.DataFrame) -> list[_Ranking]:
    return [
        _Ranking(
            f"{method}, {model}",
            configuration(question, length),
            rows["rank"].to_numpy(float),
            rows["score"].to_numpy(float),
        )
        for (method, model, question, length), rows in rankings.groupby(AXES, sort=False)
    ]


def _of_rankings(
    each: list[_Ranking], check: str, is_wrong: Callable[[_Ranking], bool], cause: str
) -> Iterator[Checked]:
    """A check that looks at one ranking after the other."""
    for where in dict.fromkeys(ranking.where for ranking in each):
        of_model = [ranking for ranking in each if ranking.where == where]
        wrong = [ranking for ranking in of_model if is_wrong(ranking)]
        if not wrong:
            continue
        from_0 = check == "ranks not from 1 on" and all(one.ranks.min() == 0 for one in wrong)
        yield Checked(
            _NAME,
            check,
            where,
            sum(one.ranks.size for one in wrong),
            f"{len(wrong)} of {counted(len(of_model), 'ranking')}"
            f" ({some(one.asked for one in wrong)})",
            "ranks are counted from 0" if from_0 else cause,
        )


def _not_from_1_on(ranking: _Ranking) -> bool:
    """Whether ranks leave a gap, begin elsewhere than at 1, or are no whole numbers.

    Tied heads may have any of the ranks that would be theirs, or count as one.
    """
    low, high, dense = (
        scipy.stats.rankdata(ranking.ranks, method) for method in ("min", "max", "dense")
    )
    theirs = (ranking.ranks >= low) & (ranking.ranks <= high)
    return bool(not (theirs | (ranking.ranks == dense)).all())


def _tied(ranking: _Ranking) -> bool:
    return len(np.unique(ranking.ranks)) < ranking.ranks.size


def _against_scores(ranking: _Ranking) -> bool:
    """Whether a head with a higher score has a later rank; heads without a score do not count."""
    scored = ~np.isnan(ranking.scores)
    ranks, scores = ranking.ranks[scored], ranking.scores[scored]
    order = np.lexsort((-scores, ranks))
    later, higher = np.diff(ranks[order]) > 0, np.diff(scores[order]) > 0
    return bool((later & higher).any())
