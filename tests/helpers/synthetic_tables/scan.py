"""Tables of made-up scans: competence, prompts, effects with and without BOS, the run log."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tests.helpers.synthetic_tables.models import MODELS, TASKS, Model, made_once


def competence(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = []
    for model in models:
        for task in TASKS:
            able = {"ioi": model.ioi, "anti_names": model.anti, "anti_lists": model.anti}
            knows = able.get(task, True)
            metric = rng.normal(6.0, 1.0) if knows else rng.normal(0.0, 0.02)
            se = 0.02 * abs(metric) + 0.03
            rows.append(
                {
                    "family": model.family,
                    "model": model.slug,
                    "task": task,
                    "readout": "contrast",
                    "clean_metric": metric,
                    "se": se,
                    "low": metric - 2 * se,
                    "high": metric + 2 * se,
                    "accuracy": rng.uniform(0.97, 1.0) if knows else rng.uniform(0.45, 0.55),
                    "accuracy_low": 0.95 if knows else 0.4,
                    "accuracy_high": 1.0 if knows else 0.6,
                    "candidate_accuracy": rng.uniform(0.9, 1.0) if knows else 0.02,
                    "n_prompts": 400,
                    "n_clusters": 50,
                    "most_clusters": 96.0,
                    "competent": bool(metric - 2 * se > 0),
                }
            )
        rows.append(
            rows[-1]
            | {
                "task": "plain_text",
                "readout": "token_loss",
                "clean_metric": 3.1,
                "competent": True,
            }
            | {name: np.nan for name in ("low", "high", "most_clusters", "candidate_accuracy")}
            | {f"accuracy{end}": np.nan for end in ("", "_low", "_high")}
        )
    return pd.DataFrame(rows)


@made_once
def joint_prompts(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    """One prompt of each task of the study, as far as the page reads prompts."""
    texts = {
        "ioi": "When Ann and Bob went home, Bob gave a ring to",
        "anti_names": "Ann met Bob. Ann talked to",
    }
    return pd.DataFrame(
        [
            {"model": model.slug, "task": task, "cluster": "Ann+Bob", "text": text}
            for model in models
            for task, text in texts.items()
        ]
    )


def bos_effects(heads: pd.DataFrame) -> pd.DataFrame:
    """Of the first model, measured both ways on IOI."""
    rng = np.random.default_rng(9)
    of_model = heads[heads["model"] == heads["model"].iloc[0]]
    moved = rng.normal(0, 0.2, len(of_model)) * (rng.random(len(of_model)) < 0.3)
    clean = {"clean_metric": 3.5, "accuracy": 0.9, "accuracy_low": 0.85, "accuracy_high": 0.94}
    return of_model[["family", "model", "layer", "head"]].assign(
        task="ioi",
        delta_without=of_model["delta_ioi"],
        delta_with=of_model["delta_ioi"] + moved,
        se_with=0.02,
        se_without=0.02,
        difference=moved,
        low=moved - 0.03,
        high=moved + 0.03,
        q=np.where(np.abs(moved) > 0.05, 0.01, 0.7),
        n_prompts=80,
        **{f"{name}_with": value for name, value in clean.items()},
        **{f"{name}_without": value for name, value in clean.items()},
    )


def run_log(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    versions = {"torch": "2.13.0", "transformers": "5.23.0", "transformer_lens": "4.3.0"}
    rows = [
        {
            "stage": "scan",
            "model": model.slug,
            "seconds": 3.1 + 2 * model.params_m,
            "peak_memory_mb": 410.0 + 50 * model.params_m,
            "device": "cpu",
            "weights": "float32",
            "threads": 2,
            "chunk": 4,
            "counted": "heads",
            "per_second": model.layers * model.heads / 3.1,
            "versions": json.dumps(versions),
        }
        for model in models
    ]
    return pd.DataFrame(rows)
