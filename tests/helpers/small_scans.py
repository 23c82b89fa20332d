"""Hand-made scans: two layers of three heads with effects that can be added up by hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.tables.columns import PROFILE_COLUMNS

LAYERS, HEADS = 2, 3
N_HEADS = LAYERS * HEADS
ZERO = AblationKind(ablation="zero", positions="all")
MEAN = AblationKind(ablation="mean", positions="all")
SETTINGS = ScanSettings(
    primary=ZERO,
    ablations=("zero", "mean"),
    positions=("all",),
    agreement_tasks=("ioi", "anti_names"),
    draws=1,
)


def entry(family: str = "mini", params_m: float = 0.5) -> RosterEntry:
    return RosterEntry(
        family=family, folder="anywhere", params_m=params_m, n_layers=LAYERS, n_heads=HEADS
    )


def prompts(task: str, sizes: Mapping[str, int]) -> pd.DataFrame:
    """``sizes``: prompts per cluster; every other cluster is on the select side."""
    sides = {cluster: ("select", "test")[i % 2] for i, cluster in enumerate(sizes)}
    clusters = [cluster for cluster, size in sizes.items() for _ in range(size)]
    n = len(clusters)
    return pd.DataFrame(
        {
            "prompt_id": [f"{task}/{i}" for i in range(n)],
            "task": task,
            "template": f"{task}/0",
            "order": "",
            "text": "text",
            "tokens": [[1, 2]] * n,
            "answer": [[3]] * n,
            "distractor": [[4]] * n,
            "candidates": [[3, 4]] * n,
            "cluster": clusters,
            "split": [sides[cluster] for cluster in clusters],
            "data_seed": 0,
            "bos": False,
            "revision": "",
            "fingerprint": "aa",
        }
    )


def effects(
    task: str,
    values: NDArray[np.float64],
    model: str = "mini_s",
    family: str = "mini",
    kind: AblationKind = ZERO,
) -> pd.DataFrame:
    """Rows of ``head_effects`` for ``values`` [heads, prompts]; every q is a tenth of its p."""
    layer, head = np.divmod(np.arange(N_HEADS), HEADS)
    p = np.linspace(0.1, 0.6, N_HEADS)
    return pd.DataFrame(
        {
            "family": family,
            "model": model,
            "layer": layer,
            "head": head,
            "task": task,
            "readout": "contrast",
            "ablation": kind.ablation,
            "positions": kind.positions,
            "delta": values.mean(axis=1),
            "se": values.std(axis=1) / 10,
            "low": np.nan,
            "high": np.nan,
            "p": p,
            "se_templates": 0.2,
            "q": p / 10,
            "delta_logprob": np.nan,
            "se_logprob": np.nan,
            "n_prompts": values.shape[1],
            "n_clusters": 2,
            "settled": pd.array([None] * N_HEADS, dtype="boolean"),
            "n_layers": LAYERS,
            "n_heads": HEADS,
            "clean_metric": 4.0,
            "effects": list(values.astype(np.float32)),
            "attributions": [np.empty(0, np.float32)] * N_HEADS,
            "fingerprint": "bb",
        }
    )


def profiles(model: str = "mini_s", family: str = "mini") -> pd.DataFrame:
    layer, head = np.divmod(np.arange(N_HEADS), HEADS)
    scores = {name: 0.1 * i + 0.01 * np.arange(N_HEADS) for i, name in enumerate(PROFILE_COLUMNS)}
    shape = {"n_layers": LAYERS, "n_heads": HEADS}
    keys = {"family": family, "model": model, "layer": layer, "head": head}
    return pd.DataFrame({**keys, **shape, **scores, "fingerprint": "bb"})


def competence(model: str, family: str = "mini", **clean: float | None) -> pd.DataFrame:
    """Clean metric by task; a task of None was measured without an interval."""
    given = [4.0 if value is None else value for value in clean.values()]
    frame = pd.DataFrame(
        {
            "family": family,
            "model": model,
            "task": list(clean),
            "readout": "contrast",
            "clean_metric": given,
            "se": 0.1,
            "low": [v - 0.2 for v in given],
            "high": [v + 0.2 for v in given],
            "accuracy": 1.0,
            "accuracy_low": 1.0,
            "accuracy_high": 1.0,
            "candidate_accuracy": 1.0,
            "n_prompts": 24,
            "n_clusters": 12,
            "most_clusters": 48.0,
        }
    )
    can = [pd.NA if value is None else value > 0.2 for value in clean.values()]
    return frame.assign(competent=pd.array(can, dtype="boolean"))
