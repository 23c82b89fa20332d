"""Hand-made tables of causal tracing: one model with two heroes, and two models that are alike."""

from __future__ import annotations

from itertools import product
from math import nan

import numpy as np
import pandas as pd

from circuit_scaling.measuring.causal.settings import CausalSettings, Corruptions
from circuit_scaling.tables.causal import ROLES
from circuit_scaling.tables.columns import PROFILE_COLUMNS

MODEL = {"family": "mini", "model": "mini_s"}
TASKS = ("ioi", "anti_names")
COUNTS = {"n_prompts": 3, "n_clusters": 12, "fingerprint": "ff"}
SETTINGS = CausalSettings(
    corruption=Corruptions(ioi="subject", anti_names="names"),
    min_share=0.1,
    n_permutations=99,
)


def hero_heads() -> pd.DataFrame:
    """An early and a late shared hero, and a weak head that is listed."""
    return pd.DataFrame(
        {
            **MODEL,
            "layer": [0, 1, 1],
            "head": [0, 1, 0],
            "category": ["shared", "shared", "weak"],
            "rank": [1, 2, 1],
            "delta_ioi": [-3.0, -2.0, 0.01],
            "delta_anti_names": [-1.0, -0.5, 0.02],
            "strength": [4.0, 2.5, 0.03],
        }
    )


def classified_heads() -> pd.DataFrame:
    able = pd.array([True] * 4, dtype="boolean")
    return pd.DataFrame(
        {
            **MODEL,
            "layer": [0, 0, 1, 1],
            "head": [0, 1, 0, 1],
            "category": ["shared", "weak", "weak", "shared"],
            "category_select": ["shared", "weak", "weak", "shared"],
            "competent_ioi": able,
            "competent_anti_names": able,
        }
    )


def head_traces() -> pd.DataFrame:
    """Every number different, so that one from a wrong place is seen."""
    rows = []
    for number, ((layer, head), task, direction, part) in enumerate(
        product(((0, 0), (1, 1)), TASKS, ("denoising", "noising"), ("z", "v")), start=1
    ):
        sign = 1 if direction == "denoising" else -1
        value = sign * number / 10
        row = {
            **MODEL,
            **{"layer": layer, "head": head, "n_layers": 2, "n_heads": 2},
            **{"category": "shared", "hero": True, "task": task},
            **{"direction": direction, "part": part, **COUNTS, "m_clean": 4.0, "m_corrupt": -4.0},
            **{"influence": value, "se": 0.01, "low": value - 0.02, "high": value + 0.02},
            **{"p": 0.01, "q": number / 100},
            **{"self_repair": nan, "influences": np.full(3, value, dtype=np.float32)},
        }
        parts = {"normalised": sign * value / 8, "direct": value / 2, "indirect": 0.1}
        for name, at in parts.items():
            row |= {name: at, f"{name}_low": at - 0.01, f"{name}_high": at + 0.01 * number}
        rows.append(row)
    return pd.DataFrame(rows)


def head_writes() -> pd.DataFrame:
    """The early hero routes into the late one, which writes to the logits."""
    rows = []
    for task in TASKS:
        rows += [
            _write(0, 0, task, "logits", share=0.05),
            _write(0, 0, task, "head", share=0.8, receiver=(1.0, 1.0, "v", "shared")),
            _write(0, 0, task, "head", share=0.01, receiver=(1.0, 0.0, "q", "weak")),
            _write(0, 0, task, "category", share=0.8, receiver=(nan, nan, "", "shared")),
            _write(0, 0, task, "category", share=0.01, receiver=(nan, nan, "", "weak")),
            _write(1, 1, task, "logits", share=1.0),
        ]
    return pd.DataFrame(rows)


def _write(
    layer: int,
    head: int,
    task: str,
    destination: str,
    share: float,
    receiver: tuple[float, float, str, str] = (nan, nan, "", ""),
) -> dict[str, object]:
    names = ("receiver_layer", "receiver_head", "channel", "receiver_category")
    effect = -3 * share
    return {
        **MODEL,
        **{"layer": layer, "head": head, "category": "shared", "task": task},
        "destination": destination,
        **dict(zip(names, receiver, strict=True)),
        **COUNTS,
        **{"total": -3.0, "effect": effect, "low": effect - 0.1, "high": effect + 0.1},
        **{"share": share, "share_low": share - 0.04, "share_high": share + 0.04},
        **{"n_receivers": 2 if layer == 0 else 0, "n_possible": 6 if layer == 0 else 0},
    }


def head_reads() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two models of two families, four layers of eight heads, and their categories.

    The shared heroes (L0H0 and L3H0) have one profile in both models; the ioi_only heroes (L1H0)
    and all others have random ones.
    """
    rng = np.random.default_rng(0)
    features = len(PROFILE_COLUMNS) + 2 * len(ROLES)
    planted = 4 * rng.normal(size=features)
    frames = []
    for family in ("a", "b"):
        layer, head = np.divmod(np.arange(32), 8)
        values = rng.normal(size=(32, features))
        shared = (head == 0) & np.isin(layer, (0, 3))
        values[shared] = planted + 0.05 * rng.normal(size=(2, features))
        category = np.where(shared, "shared", "weak").astype(object)
        category[(head == 0) & (layer == 1)] = "ioi_only"
        for place, task in enumerate(TASKS):
            start = len(PROFILE_COLUMNS) + place * len(ROLES)
            frames.append(
                pd.DataFrame(
                    {
                        **{"family": family, "model": f"{family}_s", "layer": layer, "head": head},
                        **{"n_layers": 4, "n_heads": 8, "category": category},
                        **{"hero": category != "weak", "task": task},
                        **dict(zip(PROFILE_COLUMNS, values.T, strict=False)),
                        **dict(zip(ROLES, values[:, start:].T, strict=False)),
                    }
                )
            )
    reads = pd.concat(frames, ignore_index=True)
    heads = reads[["family", "model", "layer", "head", "category"]].drop_duplicates()
    able = pd.array([True] * len(heads), dtype="boolean")
    return reads, heads.assign(competent_ioi=able, competent_anti_names=able)
