"""What measures of head effects share: the heads of a model with the study's categories."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from circuit_scaling.analysis.audit.evidence import HEADS, Evidence
from circuit_scaling.statistics.categories import categorise
from circuit_scaling.tables.made_with import made_with
from circuit_scaling.vocabulary import STUDY_TASKS

TAU = 0.05
"""The threshold of the study, in logits."""
TASKS_OF = {"ioi_only": ("ioi",), "anti_only": ("anti_names",), "shared": STUDY_TASKS}
"""Category -> the tasks that its heads do."""
ENOUGH = 0.5
"""Categories of a model are told where so large a share of its heads is resolved."""


def heads_of(evidence: Evidence, model: str) -> pd.DataFrame:
    """A row per head: layer, head, its effects, category at ``TAU``, strength, depth, ``told``.

    ``told`` says whether the category is sure: no interval straddles the threshold. In a table
    measured elsewhere there are no intervals, and the effects are all there is. ``depth`` is that
    of the middle of the layer, from 0 to 1, and missing where the shape is not known.
    """
    table = evidence.tables[HEADS]
    heads = table[table["model"] == model]
    ioi, anti = (heads[f"delta_{task}"].to_numpy(float) for task in STUDY_TASKS)
    told = np.ones(len(heads), dtype=bool)
    if not evidence.imported(HEADS):
        of_that_tau = made_with(table).get("classify.tau") == TAU
        told = heads["resolved"].fillna(False).to_numpy(bool) & of_that_tau
    return pd.DataFrame(
        {
            "layer": heads["layer"].to_numpy(int),
            "head": heads["head"].to_numpy(int),
            "ioi": ioi,
            "anti_names": anti,
            "category": categorise(ioi, anti, TAU),
            "strength": np.abs(ioi) + np.abs(anti),
            "depth": (heads["layer"] + 0.5).to_numpy(float) / heads["n_layers"].to_numpy(float),
            "told": told,
        }
    )


def are_told(heads: pd.DataFrame) -> bool:
    """Whether enough categories are sure for shares and places of them to be told."""
    return bool(heads["told"].mean() >= ENOUGH)


def strong(heads: pd.DataFrame) -> pd.DataFrame:
    """The heads that do something on either task."""
    return heads[heads["category"] != "weak"]


def family_of(evidence: Evidence, model: str) -> str:
    """The family of a model of ``classified_heads``."""
    table = evidence.tables[HEADS]
    return str(table.loc[table["model"] == model, "family"].iloc[0])


def by_size(evidence: Evidence, models: Sequence[str]) -> list[str]:
    """Models by their parameters, from the smallest; where those are not known, as they come."""
    sizes = evidence.tables[HEADS].drop_duplicates("model").set_index("model")["params_m"]
    return sorted(models, key=lambda model: (pd.isna(sizes[model]), sizes[model]))


def families_by_size(evidence: Evidence, models: Sequence[str]) -> dict[str, list[str]]:
    """Family -> its models by size, for families of which there are several."""
    found: dict[str, list[str]] = {}
    for model in by_size(evidence, models):
        found.setdefault(family_of(evidence, model), []).append(model)
    return {family: members for family, members in found.items() if len(members) > 1}
