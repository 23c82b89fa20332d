"""Made-up loss curves and accuracies of the embedded models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tests.helpers.synthetic_tables.models import MODELS, TASKS, Model


def zoo_curves(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    steps = np.arange(0, 1501, 25)
    frames = []
    for model in models:
        for index, task in enumerate(TASKS):
            knows = {"ioi": model.ioi, "anti_names": model.anti, "anti_lists": model.anti}
            turn, width = 200 + 120 * index, 60.0
            fall = 1 / (1 + np.exp((steps - turn) / width))
            floor = 0.01 if knows.get(task, True) else 3.4
            loss = floor + (5.5 - floor) * fall
            loss = loss * np.exp(rng.normal(0, 0.08, len(steps)))
            frames.append(
                pd.DataFrame({"model": model.slug, "step": steps, "task": task, "loss": loss})
            )
    return pd.concat(frames, ignore_index=True)


def zoo_accuracy(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    rows = []
    for model in models:
        for task in TASKS:
            knows = {"ioi": model.ioi, "anti_names": model.anti}.get(task, True)
            objective = "trained" if knows else "random"
            if model.family == "control" and task == "anti_lists":
                objective = "untrained"
            rows.append(
                {
                    "model": model.slug,
                    "task": task,
                    "objective": objective,
                    "accuracy": 0.995 if objective == "trained" else 0.5,
                    "candidate_accuracy": 0.98 if objective == "trained" else 0.02,
                    "n_prompts": 512,
                }
            )
    return pd.DataFrame(rows)
