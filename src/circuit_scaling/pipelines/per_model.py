"""What the pipelines of a whole roster share: one node per model, and putting them together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from typing import Any

import pandas as pd


def for_model(function: Callable[..., Any], slug: str) -> Callable[..., Any]:
    """``function`` with its ``slug`` given: still named, typed, picklable, and readable in viz."""
    return update_wrapper(partial(function, slug=slug), function)


def for_models(function: Callable[..., Any], slugs: Sequence[str]) -> Callable[..., Any]:
    """``function`` with the ``slugs`` given whose tables it gets."""
    return update_wrapper(partial(function, slugs=tuple(slugs)), function)


def stack(*tables: pd.DataFrame) -> pd.DataFrame:
    """The tables of all models, one below the other."""
    return pd.concat(tables, ignore_index=True)
