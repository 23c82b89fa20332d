"""The heads of each model with their effects on clusters, from one reading of both tables."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

_MODEL = ["family", "model"]


def with_effects(
    heads: pd.DataFrame, effects: pd.DataFrame
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Heads and cluster effects of each model, in the order of ``heads``; effects may be none."""
    found = {names: rows for names, rows in effects.groupby(_MODEL, sort=False)}
    for names, of_model in heads.groupby(_MODEL, sort=False):
        yield of_model, found.get(names, effects.iloc[:0])
