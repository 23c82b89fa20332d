"""Made-up heroes, prompts and trials of ablated sets, from the effects that a test gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.measuring.ablation.sets import HeadSet
from circuit_scaling.measuring.ablation.settings import AblationSettings
from circuit_scaling.tables.ablation import ABLATION_TRIALS

N_CLUSTERS, PER_CLUSTER = 12, 2
N_PROMPTS = N_CLUSTERS * PER_CLUSTER
SETTINGS = AblationSettings(tasks=("ioi", "anti_names"), controls=("plain_text",), n_random=6)
Effects = Callable[[HeadSet], NDArray[np.float64]]


def heroes(**categories: Sequence[tuple[int, int]]) -> pd.DataFrame:
    """Rows of ``hero_heads`` by category; the earlier a head is named, the stronger it is."""
    rows = [
        {"model": "m", "category": category, "rank": rank + 1, "layer": layer, "head": head}
        for category, heads in categories.items()
        for rank, (layer, head) in enumerate(heads)
    ]
    frame = pd.DataFrame(rows, columns=["model", "category", "rank", "layer", "head"])
    return frame.assign(strength_select=1 / (1.0 + np.arange(len(frame))))


def heads_of(shape: tuple[int, int]) -> pd.DataFrame:
    """All heads of a model, stronger from layer to layer and head to head."""
    layer, head = np.divmod(np.arange(shape[0] * shape[1]), shape[1])
    return pd.DataFrame(
        {"layer": layer, "head": head, "strength_select": 0.01 * (1 + layer + head)}
    )


def prompts(*tasks: str, n_clusters: int = N_CLUSTERS) -> pd.DataFrame:
    """As many prompts on the select side as on the test side, two to a cluster."""
    rows = [
        {"task": task, "cluster": f"{split}{cluster:02d}", "split": split}
        for task in tasks
        for split in ("select", "test")
        for cluster in range(n_clusters)
        for _ in range(PER_CLUSTER)
    ]
    return pd.DataFrame(rows)


def competence(*able: str, unable: Sequence[str] = ()) -> pd.DataFrame:
    tasks = [*able, *unable]
    flags = pd.array([task in able for task in tasks], dtype="boolean")
    return pd.DataFrame({"model": "m", "task": tasks, "competent": flags})


def trials(
    sets: Sequence[HeadSet],
    effects: Effects,
    correct: Effects | None = None,
    task: str = "ioi",
    readout: str = "contrast",
    ablation: str = "zero",
    model: str = "m",
    family: str = "mini",
) -> pd.DataFrame:
    """``ablation_trials`` of one task, checked; the clean metric is 4."""
    return ABLATION_TRIALS.validate(
        made_trials(sets, effects, correct, task, readout, ablation, model, family)
    )


def made_trials(
    sets: Sequence[HeadSet],
    effects: Effects,
    correct: Effects | None = None,
    task: str = "ioi",
    readout: str = "contrast",
    ablation: str = "zero",
    model: str = "m",
    family: str = "mini",
) -> pd.DataFrame:
    """The same, unchecked: for simulations, where the check would take most of the time."""
    nothing = np.empty(0)
    rows = []
    for chosen in sets:
        measured = effects(chosen) if not chosen.reason else nothing
        right = correct(chosen) if correct and not chosen.reason else nothing
        mean = float(np.mean(measured)) if measured.size else np.nan
        rows.append(
            {
                "set_type": chosen.set_type,
                "matched_to": chosen.matched_to,
                "k": chosen.k,
                "draw": chosen.draw,
                "layers": [layer for layer, _ in chosen.heads],
                "heads": [head for _, head in chosen.heads],
                "mean_metric": 4.0 + mean,
                "mean_diff": mean,
                "accuracy": float(np.mean(right)) if right.size else np.nan,
                "n_prompts": measured.size,
                "n_clusters": measured.size // PER_CLUSTER,
                "effects": measured.astype(np.float32),
                "correct": right.astype(np.float32),
                "reason": chosen.reason,
            }
        )
    frame = pd.DataFrame(rows).assign(
        family=family,
        model=model,
        task=task,
        readout=readout,
        ablation=ablation,
        positions="all",
        split="test",
        clean_metric=4.0,
        n_layers=4,
        n_heads=6,
        seed=0,
        fingerprint="ff",
    )
    return frame[list(ABLATION_TRIALS.columns)]
