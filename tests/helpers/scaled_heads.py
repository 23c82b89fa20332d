"""Heads as scaling reads them: with given effects, or drawn with cluster effects."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.analysis.scaling.settings import ScalingSettings
from circuit_scaling.tables.join import JOINT_EFFECTS
from tests.helpers.simulated_heads import Design, simulate

SETTINGS = ScalingSettings(n_boot=200, n_permutations=199, n_splits=50, depth_bins=2)
CLASSIFY = ClassifySettings(tau=0.05, taus=(0.01, 0.05, 0.5), top_k=2, n_boot=200)


def model(
    ioi: NDArray[np.float64], anti: NDArray[np.float64], name: str = "a", **columns: object
) -> pd.DataFrame:
    """The columns of ``classified_heads`` that scaling reads; four heads a layer."""
    layer, head = np.divmod(np.arange(len(ioi)), 4)
    frame = pd.DataFrame(
        {
            "family": "mini",
            "model": name,
            "layer": layer,
            "head": head,
            "params_m": 0.5,
            "n_layers": float(layer.max() + 1),
            "delta_ioi": ioi,
            "delta_anti_names": anti,
            "q_ioi": 0.5,
            "q_anti_names": 0.5,
            "resolved": pd.array([True] * len(ioi), dtype="boolean"),
            "competent_ioi": pd.array([True] * len(ioi), dtype="boolean"),
            "competent_anti_names": pd.array([True] * len(ioi), dtype="boolean"),
        }
    )
    return frame.assign(**columns)


def measured(
    design: Design, seed: int = 0, name: str = "a", **columns: object
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulated heads with their cluster effects."""
    drawn = simulate(design, np.random.default_rng(seed))
    tasks = {"ioi": drawn.first, "anti_names": drawn.second}
    heads = model(tasks["ioi"].mean, tasks["anti_names"].mean, name, **columns)
    keys = ["family", "model", "layer", "head"]
    effects = [
        heads[keys]
        .loc[heads.index.repeat(len(task.labels))]
        .assign(
            task=task_name,
            cluster=np.tile(np.array(task.labels, dtype=object), len(heads)),
            split="select",
            effect=(task.sums / task.n_prompts).ravel(),
            n_prompts=2,
        )
        for task_name, task in tasks.items()
    ]
    return heads, pd.concat(effects, ignore_index=True)


def drawn(seed: int, n: int = 24) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    ioi = rng.standard_t(2, n) / 10
    return ioi, 0.5 * ioi + rng.standard_t(2, n) / 20


NOTHING = JOINT_EFFECTS.empty()
DESIGN = Design(rho=0.5, heads=48, clusters=20, reliability=0.9)
