"""What heads do without a task, a row per head."""

from __future__ import annotations

import numpy as np
import pandas as pd

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.operations.profiles import head_profiles
from circuit_scaling.measuring.shared.rows import layers_and_heads


def profiles_of(anatomy: Anatomy, prompts: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The profile of every head on random tokens from the candidates of ``prompts``."""
    vocabulary = np.unique(np.concatenate(prompts["candidates"].to_list())).astype(np.int64)
    scores = head_profiles(anatomy, vocabulary, seed)
    return pd.DataFrame(
        {
            **layers_and_heads(anatomy),
            **{name: values.ravel().astype(np.float64) for name, values in scores.items()},
        }
    )
