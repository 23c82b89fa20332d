"""What a sentence counts: models not known to fail, findings beside what chance would give."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.figures.style import abilities, both_abilities, number
from circuit_scaling.vocabulary import ALPHA

PAIR_COMPETENT = ["base_competent", "tgt_competent"]
"""The columns that say whether each model of a pair can do the task."""


def able_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of models that are not known to fail the task; an imported table may not know."""
    return rows[abilities(rows[["competent"]]) != "unable"]


def able_on_both(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of models that are known to fail neither IOI nor anti-repetition."""
    return rows[both_abilities(rows) != "unable"]


def able_pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of pairs of models of which neither is known to fail the task."""
    return rows[abilities(rows[PAIR_COMPETENT]) != "unable"]


def beyond_chance(p: pd.Series, q: pd.Series) -> str:
    """``3 of 20 (p < 0.05; 1.0 expected by chance) and in none after correction (q < 0.05)``.

    Tests without a p are not counted.
    """
    tested = p.dropna()
    found, left = int((tested < ALPHA).sum()), int((q < ALPHA).sum())
    return (
        f"{found or 'none'} of {len(tested)} (p < {ALPHA:g}; {by_chance(len(tested))} expected by"
        f" chance) and in {left or 'none'} after correction (q < {ALPHA:g})"
    )


def by_chance(n_tests: int) -> str:
    """How many of so many tests, or 95 % intervals, are expected to find what is not there."""
    return number(ALPHA * n_tests, 1)
