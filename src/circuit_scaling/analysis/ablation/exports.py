"""A CSV table for people, with the column names of the published study."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from circuit_scaling.analysis.ablation.heroes_vs_random import ACCURACY, EFFECT

_SHORT = {"ioi": "ioi", "anti_names": "anti"}  # tasks in the published table
_SET_KEYS = ["family", "model", "k", "set_type", "hero_set"]

_Row = dict[str, Any]


def hero_ablation_for_people(ablation_summary: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The published table: accuracy and mean effect on both tasks, by kind of set and k.

    Of the primary ablation. ``hero_set`` says whose layers a matched set has; of random sets the
    means over the sets are given, with intervals over prompts. k = 0 is the clean model.
    """
    tasks = ablation_summary["task"].isin(list(_SHORT))
    shown = ablation_summary[ablation_summary["primary"] & tasks]
    values = [
        f"{measure}_{short}{end}"
        for end in ("", "_low", "_high")
        for short in _SHORT.values()
        for measure in ("acc", "mean_diff")
    ]
    sets: dict[tuple[Hashable, ...], _Row] = {}
    for row in shown.to_dict("records"):
        for key, found in _published(row):
            sets.setdefault(key, {}).update(found)
    table = pd.DataFrame(
        [{**dict(zip(_SET_KEYS, key, strict=True)), **found} for key, found in sets.items()],
        columns=[*_SET_KEYS, *values],
    )
    models = {model: place for place, model in enumerate(dict.fromkeys(table["model"]))}
    order = table.assign(_model=table["model"].map(models)).sort_values(
        ["_model", "k"], kind="stable"
    )
    return {"hero_vs_random_ablation_summary": order.drop(columns="_model").reset_index(drop=True)}


def _published(row: dict[Hashable, Any]) -> list[tuple[tuple[Hashable, ...], _Row]]:
    """(family, model, k, set_type, hero_set) and the published values of all sets of a row."""
    short = _SHORT[row["task"]]
    model = (row["family"], row["model"])
    kinds = {
        "clean_": (0, "clean", ""),
        "": (row["k"], row["hero_set"], ""),
        "matched_": (row["k"], "matched", row["hero_set"]),
        "unmatched_": (row["k"], "unmatched", ""),
        "weakest_": (row["k"], "weakest", ""),
    }
    found: list[tuple[tuple[Hashable, ...], _Row]] = []
    for prefix, key in kinds.items():
        # The effect of ablating nothing is nothing: known, with no uncertainty.
        effect = [0.0] * 3 if prefix == "clean_" else [row[prefix + part] for part in EFFECT]
        right = [row[prefix + part] for part in ACCURACY]
        values: _Row = {}
        for end, *pair in zip(("", "_low", "_high"), right, effect, strict=True):
            values |= {f"acc_{short}{end}": pair[0], f"mean_diff_{short}{end}": pair[1]}
        if not np.isnan(effect[0]):
            found.append(((*model, *key), values))
    return found
