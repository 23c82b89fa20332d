"""Columns that tables of several pipelines share, and makers of columns."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from pandera.pandas import Check, Column

from circuit_scaling.vocabulary import CATEGORIES


def number(*, nullable: bool = False, at_least: float | None = None, **options: Any) -> Column:
    """A finite float column."""
    checks = [Check(np.isfinite, error="not finite")]
    if at_least is not None:
        checks.append(Check.ge(at_least, error=f"below {at_least:g}"))
    return Column(float, checks, nullable=nullable, **options)


def share(*, nullable: bool = False, **options: Any) -> Column:
    """A float column between 0 and 1."""
    return Column(float, Check.between(0, 1, error="not in 0..1"), nullable=nullable, **options)


def count(*, nullable: bool = False, **options: Any) -> Column:
    """A column of whole numbers from 0; where a value may be missing, held as floats."""
    checks = [
        Check.ge(0, error="negative"),
        Check(lambda s: s % 1 == 0, error="not a whole number"),
    ]
    return Column(float if nullable else int, checks, nullable=nullable, **options)


def text(*values: str, nullable: bool = False) -> Column:
    """A text column, with its possible values if they are few."""
    checks = [Check.isin(values, error=f"not one of {', '.join(values)}")] if values else []
    return Column(str, checks, nullable=nullable)


def flag(*, nullable: bool = False) -> Column:
    """A column of true and false; where a value may be missing, pandas' own boolean type."""
    return Column("boolean" if nullable else bool, nullable=nullable)


def numbers(*, nullable: bool = False) -> Column:
    """A column of lists of finite numbers; where one may be missing, NaN stands for it."""
    allowed = "finite numbers, or NaN for what is missing" if nullable else "finite numbers"
    check = Check(lambda s: s.map(partial(_is_numbers, nullable)), error=f"not a list of {allowed}")
    return Column(object, check)


def texts() -> Column:
    """A column of lists of texts."""
    return Column(object, Check(lambda s: s.map(_is_texts), error="not a list of texts"))


def _is_texts(value: object) -> bool:
    """Whether a cell is a list or array of texts."""
    return isinstance(value, list | np.ndarray) and all(isinstance(item, str) for item in value)


def _is_numbers(nullable: bool, value: object) -> bool:
    """Whether a cell is a flat list or array of finite numbers, or of these and NaN."""
    try:
        listed = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return False
    fits = np.isfinite(listed) | (nullable & np.isnan(listed))
    return listed.ndim == 1 and bool(fits.all())


HEAD_KEYS = ("family", "model", "layer", "head")
MODEL = {"family": text(), "model": text()}
HEAD = {**MODEL, "layer": count(), "head": count()}
SHAPE = {"n_layers": count(), "n_heads": count()}
PROFILE_COLUMNS = (
    "previous_token",
    "duplicate_token",
    "induction",
    "ov_copying",
    "attention_entropy",
    "output_norm",
)


def category_columns() -> dict[str, Column]:
    """How many heads are in each category, and their share of all."""
    return {
        **{f"n_{c}": count() for c in CATEGORIES},
        **{f"frac_{c}": share() for c in CATEGORIES},
    }


def true_shares(*names: str) -> dict[str, Column]:
    """Shares of heads freed of the noise of their effects, with their intervals."""
    return {
        f"frac_{name}_{part}": share(nullable=True)
        for name in names
        for part in ("true", "low", "high")
    }


def correlation() -> Column:
    """A correlation or a cosine, which rounding may carry beyond 1; missing where not defined."""
    return Column(
        float, Check.between(-1 - 1e-9, 1 + 1e-9, error="not a correlation"), nullable=True
    )
