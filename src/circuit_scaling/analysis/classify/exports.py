"""CSV tables for people, with the column names of the published study."""

from __future__ import annotations

import pandas as pd

_COUNTED = [
    f"{kind}_{category}"
    for kind in ("n", "frac")
    for category in ("anti_only", "ioi_only", "shared", "weak")
]


def for_people(
    joint_heads: pd.DataFrame, head_category_summary: pd.DataFrame, hero_heads: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Table name -> frame; ``delta_anti`` is the effect on ``anti_names``."""
    joint = joint_heads.rename(columns={"delta_anti_names": "delta_anti"})
    heroes = hero_heads.rename(columns={"delta_anti_names": "delta_anti"})
    model = ["family", "model"]
    return {
        "joint_ioi_anti_repeat_all": joint[[*model, "layer", "head", "delta_ioi", "delta_anti"]],
        "head_category_summary": head_category_summary[[*model, *_COUNTED]],
        "hero_heads_for_paper": heroes[
            [*model, "category", "layer", "head", "delta_ioi", "delta_anti", "strength"]
        ],
    }
