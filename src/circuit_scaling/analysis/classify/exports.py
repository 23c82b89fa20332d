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


def transfer_for_people(
    transfer_heads: pd.DataFrame, transfer_summary: pd.DataFrame, head_divergence: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Table name -> frame; of the two tasks, the files say in their names which they hold."""
    pair = ["base_family", "base_model", "tgt_family", "tgt_model"]
    tables = {}
    for task, short in (("ioi", "ioi"), ("anti_names", "anti")):
        heads = transfer_heads[transfer_heads["task"] == task]
        heads = heads.rename(
            columns={f"{side}_abs_delta": f"{side}_abs_delta_{short}" for side in ("base", "tgt")}
        )
        heads["missing_in_target_index"] = heads["in_target"] != "present"
        published = [f"base_abs_delta_{short}", f"tgt_abs_delta_{short}", "tgt_frac_rank"]
        first = [*pair, "layer", "head", *published, "missing_in_target_index"]
        tables[f"{short}_transfer_generic"] = _first(heads, first, drop="task")
        summary = transfer_summary[transfer_summary["task"] == task]
        summary = summary.rename(columns={"n_base_heads": "n_heads"})
        first = ["base_model", "tgt_model", "n_heads", "mean_frac_rank", "frac_missing"]
        tables[f"{short}_transfer_summary"] = _first(summary, first, drop="task")
    fate = ["layer", "head", "base_category", "tgt_category", "divergence"]
    tables["ioi_divergence"] = head_divergence[["base_model", "tgt_model", *fate]]
    return tables


def _first(frame: pd.DataFrame, columns: list[str], drop: str) -> pd.DataFrame:
    """The published columns in their order, then all others but one."""
    return frame[[*columns, *(name for name in frame if name not in (*columns, drop))]]


def causal_for_people(causal_summary: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Table name -> frame; a row per hero, columns of a task end in ``_ioi`` or ``_anti``.

    ``mean_<task>_influence`` is the mean of m(patched) - m(corrupt) with the head's clean output in
    the corrupt run, as published.
    """
    head = ["family", "model", "category", "layer", "head", "rank", "strength", "fingerprint"]
    sides = []
    for task, short in (("ioi", "ioi"), ("anti_names", "anti")):
        rows = causal_summary[causal_summary["task"] == task].drop(columns="task")
        names = {name: f"{name}_{short}" for name in rows if name not in head}
        sides.append(
            rows.rename(columns=names | {"denoising_influence": f"mean_{short}_influence"})
        )
    wide = sides[0].merge(sides[1], on=head, validate="one_to_one")
    published = ["family", "model", "category", "layer", "head", "delta_ioi", "delta_anti"]
    published += ["strength", "mean_ioi_influence", "mean_anti_influence"]
    return {
        "hero_head_causal_summary": wide[[*published, *(n for n in wide if n not in published)]]
    }
