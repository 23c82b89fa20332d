"""The summary of made-up ablated sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from circuit_scaling.analysis.ablation.heroes_vs_random import over_models, summarise
from circuit_scaling.measuring.ablation.sets import HeadSet, choose_sets
from circuit_scaling.measuring.scan.settings import AblationKind
from tests.helpers import ablated_sets
from tests.helpers.synthetic_tables.models import MODELS, Model, made_once


@made_once
def ablation_summary(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    """Heroes take 5 logits where the model can do the task, random heads half a logit anywhere."""
    rng = np.random.default_rng(8)
    settings = ablated_sets.SETTINGS.model_copy(update={"n_random": 20})
    heroes = ablated_sets.heroes(ioi_only=[(0, 0), (1, 1)], shared=[(2, 2)], anti_only=[(3, 3)])
    frames = []
    for model in models:
        sets = choose_sets("m", (4, 6), heroes, ablated_sets.heads_of((4, 6)), settings)
        able = {"ioi": model.ioi, "anti_names": model.anti, "plain_text": True}
        measured = [
            *(("ioi", "contrast", mode) for mode in ("zero", "mean")),
            *(("anti_names", "contrast", "zero"), ("plain_text", "token_loss", "zero")),
        ]
        for task, readout, ablation in measured:

            def effects(
                chosen: HeadSet, knows: bool = able[task], readout: str = readout
            ) -> np.ndarray:
                ours = chosen.set_type.startswith("hero_")
                if not chosen.k or readout == "token_loss":
                    return np.abs(rng.normal(0, 0.01, ablated_sets.N_PROMPTS)) * bool(chosen.k)
                each = (-1.25 if knows else 0.0) if ours else -0.1 * (1 + rng.random())
                return each * chosen.k + rng.normal(0, 0.05, ablated_sets.N_PROMPTS)

            def correct(chosen: HeadSet, knows: bool = able[task]) -> np.ndarray:
                ours = chosen.set_type.startswith("hero_") and knows
                right = 1 - 0.2 * chosen.k if ours else (0.97 if knows else 0.5)
                return (rng.random(ablated_sets.N_PROMPTS) < right).astype(float)

            answered = correct if readout == "contrast" else None
            trials = ablated_sets.trials(
                sets, effects, answered, task, readout, ablation, model.slug, model.family
            )
            competent = pd.DataFrame({"model": [model.slug], "task": [task]})
            flag = pd.NA if readout == "token_loss" else able[task]
            competent["competent"] = pd.array([flag], dtype="boolean")
            frames.append(
                summarise(
                    trials,
                    ablated_sets.prompts(task),
                    competent,
                    AblationKind(ablation="zero", positions="all"),
                )
            )
    return over_models(pd.concat(frames, ignore_index=True))
