"""What tables say of one model: its rows, and the commit that its prompts were made for."""

from __future__ import annotations

import pandas as pd

_MODEL = ["family", "model"]


def of_model(table: pd.DataFrame, slug: str) -> pd.DataFrame:
    """The model's rows, numbered from 0."""
    return table[table["model"] == slug].reset_index(drop=True)


def revision_of(prompts: pd.DataFrame) -> str:
    """The commit of the hub model that prompts were made for; empty for a folder.

    Everything that is measured on prompts is measured on this commit, wherever the branch of the
    roster has moved since.
    """
    return str(prompts["revision"].iloc[0])


def prompts_of(joint_prompts: pd.DataFrame, slug: str) -> pd.DataFrame:
    """The model's prompts as the scan wrote them: the table ``prompts__<slug>``."""
    return of_model(joint_prompts, slug).drop(columns=_MODEL)
