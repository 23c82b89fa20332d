"""Rows and columns that valid tables of several pipelines share."""

from __future__ import annotations

import numpy as np
import pandas as pd

from circuit_scaling.tables.columns import PROFILE_COLUMNS
from circuit_scaling.vocabulary import CATEGORIES

NAN = np.nan

MODEL = {"family": "mini", "model": "mini_s"}

HEAD = {**MODEL, "layer": [0, 0, 1, 1], "head": [0, 1, 0, 1]}

SHAPE = {"n_layers": 2, "n_heads": 2}

PROFILES = {name: [0.1, 0.2, 0.3, 0.4] for name in PROFILE_COLUMNS}

MEASURED = {
    "delta": [-0.5, 0.1, 0.0, 2.5],
    "se": [0.1, NAN, 0.0, 0.3],
    "low": [-0.7, NAN, -0.1, 2.0],
    "high": [-0.3, NAN, 0.1, 3.0],
}

COUNTED = {
    **{f"n_{c}": [1, 0, 2, 3] for c in CATEGORIES},
    **{f"frac_{c}": [0.25, 0.0, 0.5, 1.0] for c in CATEGORIES},
}

JOINT = {
    **HEAD,
    "params_m": [124.0, NAN, 0.3, 0.3],
    "n_layers": [2.0, 2.0, 2.0, NAN],
    "n_heads": [2.0, 2.0, 2.0, NAN],
    **{
        f"delta_{task}{side}": [-0.5, 0.1, 0.0, 2.5]
        for task in ("ioi", "anti_names", "anti_lists", "induction", "ioi_abc")
        for side in ("", "_select", "_test")
    },
    **{f"se_{t}": [0.1, 0.2, NAN, 0.0] for t in ("ioi", "anti_names", "anti_lists", "ioi_abc")},
    "q_ioi": [0.0, 0.5, 1.0, NAN],
    "q_anti_names": [0.0, 0.5, 1.0, NAN],
    **PROFILES,
    "suspect": ["", "", "a truncated list", ""],
    "bos": pd.array([True, False, None, True], dtype="boolean"),
    "revision": ["", "", "", "3f"],
    "fingerprint": "0f",
}

FLAGS = pd.array([True, False, pd.NA, True], dtype="boolean")

IDS = [[1, 2, 3], [4], [5, 6], [7]]

PAIR = {"base_family": "a", "base_model": "a_s", "tgt_family": "b", "tgt_model": "b_s"}

PAIRS = {**PAIR, "tgt_model": ["b_s", "b_m", "b_l", "b_xl"], "task": "ioi"}

SHARES = [0.0, 0.5, 1.0, NAN]

COUNTS = {"n_prompts": [3, 1, 2, 1], "n_clusters": 1}

LISTS = [np.array(ids, dtype=np.float32) for ids in IDS]

KNOWN = (0.5, -0.1, 0.0, 2.5)
LOG = {
    "stage": "scan",
    "model": ["a", "b", "c", "d"],
    "seconds": [1.5, 2.5, 0.0, 3.5],
    "peak_memory_mb": 410.5,
    "device": "cpu",
    "weights": "float32",
    "threads": 2,
    "chunk": 4,
    "counted": ["heads", "sets of heads", "patched runs and paths", "heads"],
    "per_second": 20.5,
    "versions": "{}",
}


def measured(*names: str, values: tuple[float, ...] = (0.5, -0.1, 0.0, NAN)) -> dict[str, object]:
    """Columns with the ends of their intervals; the last is missing, of others the interval."""
    ends = {"": values, "_low": (0.2, NAN, -0.1, NAN), "_high": (0.8, NAN, 0.1, NAN)}
    return {f"{name}{end}": list(of) for name in names for end, of in ends.items()}


TRUE_SHARE = ("true", "low", "high")
"""Ends of the columns of a share without noise."""
