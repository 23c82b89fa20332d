"""What tracing and patching say of the heroes of any heads, made up: every hero on both tasks."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from circuit_scaling.vocabulary import STUDY_TASKS

_KEYS = ["family", "model", "layer", "head", "category", "rank"]
_ROLES = ("first_name", "second_name", "repeated_name", "first_token", "rest")
_VERDICTS = ("does it itself", "routes", "unclear")


def _of_heroes(heroes: pd.DataFrame) -> pd.DataFrame:
    """A row per strong hero and task, with whether the model can do the task."""
    strong = heroes.loc[heroes["category"] != "weak"]
    rows = [
        {**row[_KEYS], "task": task, "competent": bool(row[f"competent_{task}"])}
        for (_, row), task in product(strong.iterrows(), STUDY_TASKS)
    ]
    return pd.DataFrame(rows)


def _around(frame: pd.DataFrame, name: str, values: np.ndarray, width: float) -> None:
    frame[name] = values
    frame[f"{name}_low"], frame[f"{name}_high"] = values - width, values + width


def causal_summary(heroes: pd.DataFrame) -> pd.DataFrame:
    """Verdicts in turn; heads that route do so into shared heads."""
    frame, rng = _of_heroes(heroes), np.random.default_rng(5)
    frame["verdict"] = np.resize(_VERDICTS, len(frame))
    frame["routes_into"] = np.where(frame["verdict"] == "routes", "shared", "")
    for way in ("denoising", "noising"):
        _around(frame, f"{way}_normalised", rng.uniform(0.1, 0.9, len(frame)), 0.05)
    for name in ("noising_direct", "share_logits"):
        _around(frame, name, rng.uniform(0.2, 0.9, len(frame)), 0.1)
    return frame.assign(noising_self_repair=np.nan, n_receivers=4, n_possible=9, delta=0.1)


def head_reads(heroes: pd.DataFrame) -> pd.DataFrame:
    """Attention to every role of the prompt; it adds up to one."""
    frame, rng = _of_heroes(heroes), np.random.default_rng(6)
    shares = rng.dirichlet(np.ones(len(_ROLES)), len(frame))
    for place, role in enumerate(_ROLES):
        _around(frame, role, shares[:, place], 0.01)
    return frame


def head_writes(heroes: pd.DataFrame) -> pd.DataFrame:
    """The logits, a category, and two later heads, one of which is not told from 0."""
    of_heroes, rng = _of_heroes(heroes), np.random.default_rng(7)
    frames = []
    for place, (kind, receiver) in enumerate(
        [("logits", ""), ("category", "shared"), ("head", "shared"), ("head", "weak")]
    ):
        frame = of_heroes.assign(destination=kind, receiver_category=receiver, channel="q")
        frame["receiver_layer"], frame["receiver_head"] = (
            (3.0, place)
            if kind == "head"
            else (
                np.nan,
                np.nan,
            )
        )
        frame["effect"] = -rng.uniform(0.2, 0.9, len(frame))
        frame["low"] = frame["effect"] - 0.1
        frame["high"] = frame["effect"] + (0.1 if receiver != "weak" else 2.0)
        _around(frame, "share", rng.uniform(0.2, 0.9, len(frame)), 0.1)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def hero_similarity() -> pd.DataFrame:
    """Late shared heads of different families are more alike than chance."""
    return pd.DataFrame(
        {
            "group": ["late shared"],
            "scope": "across families",
            "family_a": "all families",
            "family_b": "all families",
            "n_heroes": 4,
            "n_pairs": 3,
            "similarity": 0.61,
            "expected": 0.02,
            "null_low": -0.2,
            "null_high": 0.3,
            "p": 0.0123,
            "q": 0.04,
        }
    )
