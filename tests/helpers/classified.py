"""Classified heads of made-up models, from the effects that a test gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.statistics.categories import categorise
from circuit_scaling.tables.classify import CLASSIFIED_HEADS
from circuit_scaling.tables.columns import PROFILE_COLUMNS

TAU = 0.05
Key = tuple[int, int]


def classified(
    model: str,
    effects: dict[Key, tuple[float, float]],
    shape: Key | None,
    family: str = "mini",
    profiles: NDArray[np.float64] | None = None,
    able: bool | None = True,
) -> pd.DataFrame:
    """``effects``: (layer, head) -> effect on IOI and on anti-repetition; ``able``: competent."""
    layer, head = np.array(list(effects)).T
    ioi, anti = np.array(list(effects.values()), dtype=np.float64).T
    frame = pd.DataFrame({"family": family, "model": model, "layer": layer, "head": head})
    frame["params_m"] = 0.5
    frame["n_layers"], frame["n_heads"] = (np.nan, np.nan) if shape is None else map(float, shape)
    for task, values in (("ioi", ioi), ("anti_names", anti)):
        for side in ("", "_select", "_test"):
            frame[f"delta_{task}{side}"] = values
        frame[f"se_{task}"] = 0.01
        frame[f"q_{task}"] = 0.5
    scores = np.full((len(frame), len(PROFILE_COLUMNS)), np.nan) if profiles is None else profiles
    frame[list(PROFILE_COLUMNS)] = scores
    frame["suspect"], frame["revision"], frame["fingerprint"] = "", "", "0f"
    frame["bos"] = pd.Series(False, index=frame.index, dtype="boolean")
    frame["category"] = frame["category_select"] = categorise(ioi, anti, TAU)
    frame["strength"] = frame["strength_select"] = np.abs(ioi) + np.abs(anti)
    frame["category_stability"] = frame["stability_select"] = np.nan
    for column in ("resolved", "competent_ioi", "competent_anti_names"):
        frame[column] = pd.array([pd.NA if able is None else able] * len(frame), dtype="boolean")
    return CLASSIFIED_HEADS.validate(frame)


def random_model(
    model: str,
    shape: Key,
    rng: np.random.Generator,
    family: str = "mini",
    profiles: bool = True,
) -> pd.DataFrame:
    """Heavy-tailed effects and profiles that have nothing to do with each other or with layers."""
    keys = [(layer, head) for layer in range(shape[0]) for head in range(shape[1])]
    values = 0.1 * rng.standard_t(2, (len(keys), 2))
    scores = rng.random((len(keys), len(PROFILE_COLUMNS))) if profiles else None
    effects = {key: (x, y) for key, (x, y) in zip(keys, values.tolist(), strict=True)}
    return classified(model, effects, shape, family, scores)


def cluster_effects(heads: pd.DataFrame, spread: float, n_clusters: int = 12) -> pd.DataFrame:
    """``joint_effects`` whose means are the deltas, clusters scattered by ``spread`` logits."""
    rng = np.random.default_rng(0)
    parts = []
    for task in ("ioi", "anti_names"):
        for row in heads.to_dict("records"):
            noise = spread * rng.normal(size=n_clusters)
            parts.append(
                pd.DataFrame(
                    {
                        **{name: row[name] for name in ("family", "model", "layer", "head")},
                        "task": task,
                        "cluster": [f"c{i:02d}" for i in range(n_clusters)],
                        "split": "test",
                        "effect": row[f"delta_{task}"] + noise - noise.mean(),
                        "n_prompts": 2,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)
