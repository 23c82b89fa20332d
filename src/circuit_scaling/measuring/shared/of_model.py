"""The rows of one model in tables of all models."""

from __future__ import annotations

import pandas as pd

_MODEL = ["family", "model"]


def of_model(table: pd.DataFrame, slug: str) -> pd.DataFrame:
    """The model's rows, numbered from 0."""
    return table[table["model"] == slug].reset_index(drop=True)


def prompts_of(joint_prompts: pd.DataFrame, slug: str) -> pd.DataFrame:
    """The model's prompts as the scan wrote them: the table ``prompts__<slug>``."""
    return of_model(joint_prompts, slug).drop(columns=_MODEL)
