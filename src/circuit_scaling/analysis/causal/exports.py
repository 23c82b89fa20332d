"""CSV tables for people, with the column names of the published study."""

from __future__ import annotations

import pandas as pd


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
