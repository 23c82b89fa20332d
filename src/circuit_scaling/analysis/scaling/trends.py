"""Straight lines of correlations and shares of strong heads against the size of models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from circuit_scaling.analysis.scaling.correlations import COMPETENT
from circuit_scaling.statistics.trend import linear_trend
from circuit_scaling.tables.scaling import SCALE_TREND
from circuit_scaling.vocabulary import ALL_FAMILIES

_MODEL = ["family", "model"]
_MEASURES = ("corr_true", "corr", "frac_strong_true", "frac_strong")


def scale_trend(correlations: pd.DataFrame, strong: pd.DataFrame, tau: float) -> pd.DataFrame:
    """Slope of each measure against log10 of the parameters, per family and over all models.

    Slopes are per tenfold size. Models that are known not to be competent on one of the tasks are
    left out and counted, as are models without a size or without the measure. The rows of
    ``ALL_FAMILIES`` draw one line through all models, whatever their family.

    Args:
        correlations: ``corr_vs_scale``.
        strong: ``strong_head_scaling``, of which the rows at ``tau`` are used.
    """
    at_tau = strong.loc[strong["tau"] == tau, [*_MODEL, "frac_strong", "frac_strong_true"]]
    models = correlations.merge(at_tau, on=_MODEL, how="left", validate="one_to_one")
    rows = [
        {"family": family, "measure": measure, **_trend(group, measure)}
        for family, group in _families(models)
        for measure in _MEASURES
    ]
    return pd.DataFrame(rows) if rows else SCALE_TREND.empty()


def _families(models: pd.DataFrame) -> Iterable[tuple[str, pd.DataFrame]]:
    for family, group in models.groupby("family", sort=False):
        yield str(family), group
    if len(models):
        yield ALL_FAMILIES, models


def _trend(models: pd.DataFrame, measure: str) -> Mapping[str, object]:
    able = models[list(COMPETENT)].fillna(True).astype(bool).all(axis=1)
    used = models[able & models["params_m"].gt(0) & models[measure].notna()]
    trend = linear_trend(np.log10(used["params_m"].to_numpy()), used[measure].to_numpy())
    return {
        "n_models": trend.n,
        "n_left_out": len(models) - trend.n,
        "slope": trend.slope,
        "se": trend.se,
        "low": trend.low,
        "high": trend.high,
    }
