"""The comparison of made-up heads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from circuit_scaling.analysis.transfer.settings import TransferSettings
from circuit_scaling.analysis.transfer.transfer import transfer as compare
from circuit_scaling.tables.columns import PROFILE_COLUMNS
from circuit_scaling.tables.join import JOINT_EFFECTS
from tests.helpers.synthetic_tables.classify import classified_heads
from tests.helpers.synthetic_tables.models import MODELS, Model, made_once


@made_once
def transfer(models: Sequence[Model] = MODELS) -> dict[str, pd.DataFrame]:
    """The four tables of the comparison of heads whose profiles say nothing of their effects."""
    rng = np.random.default_rng(6)
    heads = classified_heads(models)
    heads[list(PROFILE_COLUMNS)] = rng.random((len(heads), len(PROFILE_COLUMNS)))
    settings = TransferSettings(k=20, pairs="all", n_null=199, n_boot=200)
    tables = compare(heads, JOINT_EFFECTS.empty(), settings)
    for end, sign in (("low", -1), ("high", 1)):
        rank = tables["transfer_summary"]["mean_frac_rank"]
        tables["transfer_summary"][end] = (rank + sign * 0.04).clip(0, 1)
    return tables
