"""How a sentence counts findings: with what chance alone would give, and after correction."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.figures.style import number
from circuit_scaling.vocabulary import ALPHA


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
