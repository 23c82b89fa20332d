"""Six heads whose categories are known, joined and classified as a scan's are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.analysis.classify.categories import (
    classify_heads,
)
from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.analysis.join.heads import join_model
from tests.helpers.small_scans import (
    SETTINGS as SCAN,
)
from tests.helpers.small_scans import (
    competence,
    effects,
    entry,
    profiles,
    prompts,
)
from tests.helpers.written_intervals import with_intervals

SETTINGS = ClassifySettings(tau=0.05, taus=(0.01, 0.05, 0.5), top_k=2, n_boot=200)
TASKS = ("ioi", "anti_names")
ONLY_ZERO = SCAN.model_copy(update={"ablations": ("zero",)})
# Six heads: strong on IOI, on neither, on anti-repeat, on both; exactly tau; just below it.
IOI = np.array([-0.5, 0.03, 0.01, 0.3, 0.05, 0.049])
ANTI = np.array([0.02, -0.03, 0.4, -0.2, 0.0, -0.06])
CATEGORY = ["ioi_only", "weak", "anti_only", "shared", "ioi_only", "anti_only"]


def spread(n_clusters: int, size: float = 0.0) -> NDArray[np.float64]:
    """Per-prompt deviations, two prompts a cluster, that average to nothing on each side."""
    signs = np.array([1, 1, -1, -1] * (n_clusters // 4 + 1))[:n_clusters]
    return size * np.repeat(signs, 2)


def joined(
    model: str,
    ioi: NDArray[np.float64] = IOI,
    anti: NDArray[np.float64] = ANTI,
    n_clusters: int = 12,
    deviations: NDArray[np.float64] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``joint_heads`` and ``joint_effects`` of heads with the given effects [heads]."""
    sizes = {f"c{i:02d}": 2 for i in range(n_clusters)}
    asked = pd.concat([prompts(task, sizes) for task in TASKS], ignore_index=True)
    noise = np.zeros((6, 2 * n_clusters)) if deviations is None else deviations
    noise = noise - noise.mean(axis=1, keepdims=True)
    found = pd.concat(
        [
            effects(t, base[:, None] + noise, model)
            for t, base in zip(TASKS, (ioi, anti), strict=True)
        ],
        ignore_index=True,
    )
    # Deltas and single effects of a scan are rounded alike; here the delta is exact.
    for task, base in zip(TASKS, (ioi, anti), strict=True):
        found.loc[found["task"] == task, "delta"] = base
    tables = join_model(entry().params_m, ONLY_ZERO, asked, found, profiles(model))
    return with_intervals(tables.joint_heads, tables.joint_effects), tables.joint_effects


def classified(
    *models: tuple[pd.DataFrame, pd.DataFrame], **clean: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    heads, found = (pd.concat(parts, ignore_index=True) for parts in zip(*models, strict=True))
    can = pd.concat(
        [
            competence(m, **(clean or {"ioi": 4.0, "anti_names": 2.0}))
            for m in heads["model"].unique()
        ],
        ignore_index=True,
    )
    return classify_heads(heads, found, can, SETTINGS)
