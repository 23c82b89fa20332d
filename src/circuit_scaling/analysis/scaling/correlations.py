"""How the correlation of the two effects, and the strong heads, change with the size of models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd

from circuit_scaling.analysis.classify.categories import task_totals
from circuit_scaling.analysis.scaling.settings import ScalingSettings
from circuit_scaling.statistics.agreement import pearson, spearman
from circuit_scaling.statistics.correlation import corrected_correlation, effective_heads
from circuit_scaling.statistics.cross_cluster import pair_weight, pairwise_products, parts_of
from circuit_scaling.statistics.permutation import permutation_p
from circuit_scaling.statistics.reliability import correlation_ceiling, split_half_reliability
from circuit_scaling.statistics.trend import linear_trend
from circuit_scaling.tables.scaling import CORR_VS_SCALE, SCALE_TREND
from circuit_scaling.vocabulary import STUDY_TASKS

ALL_FAMILIES = "all families"
TREND_MEASURES = ("corr_true", "corr", "frac_strong")
_MODEL = ["family", "model"]
_COMPETENT = ("competent_ioi", "competent_anti_names")


def corr_vs_scale(
    classified: pd.DataFrame, effects: pd.DataFrame, settings: ScalingSettings
) -> pd.DataFrame:
    """A row per model: how the effects on IOI and on anti_names go together over its heads.

    Args:
        classified: ``classified_heads``.
        effects: ``joint_effects``; for a model that is not in it, everything that needs clusters
            is missing.

    ``corr`` is the Pearson correlation over the rows of the table, as published, ``corr_true`` the
    one of the true effects. p comes from the covariance without shared noise where there are
    clusters, else from the observed one.
    """
    rows = [
        {**_facts(heads), **_correlation(heads, of_model, settings)}
        for heads, of_model in by_model(classified, effects)
    ]
    if not rows:
        return CORR_VS_SCALE.empty()
    return pd.DataFrame(rows).astype(dict.fromkeys(_COMPETENT, "boolean"))


def by_model(
    classified: pd.DataFrame, effects: pd.DataFrame
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Heads and cluster effects of each model, in the order of the table."""
    found = {names: rows for names, rows in effects.groupby(_MODEL, sort=False)}
    for names, heads in classified.groupby(_MODEL, sort=False):
        yield heads, found.get(names, effects.iloc[:0])


def _facts(heads: pd.DataFrame) -> dict[str, object]:
    first = heads.iloc[0]
    return {name: first[name] for name in (*_MODEL, "params_m")}


def _correlation(
    heads: pd.DataFrame, effects: pd.DataFrame, settings: ScalingSettings
) -> dict[str, object]:
    rng = np.random.default_rng(settings.seed)
    ioi, anti = (heads[f"delta_{task}"].to_numpy() for task in STUDY_TASKS)
    corr = pearson(ioi, anti)
    row: dict[str, object] = {
        "corr": corr,
        "n_heads_compared": len(heads),
        "n_heads_effective": effective_heads(ioi, anti),
        "spearman": spearman(ioi, anti),
        **dict.fromkeys(("corr_true", "corr_true_low", "corr_true_high"), np.nan),
        "undefined": "no effects of clusters",
        "minimal_detectable": np.nan,
        "p": np.nan,
        **dict.fromkeys(("reliability_ioi", "reliability_anti_names", "ceiling"), np.nan),
        "n_clusters_ioi": 0,
        "n_clusters_anti_names": 0,
        **{name: heads[name].iloc[0] for name in _COMPETENT},
        "frac_resolved": heads["resolved"].mean() if heads["resolved"].notna().all() else np.nan,
    }
    products = np.outer(ioi - ioi.mean(), anti - anti.mean())
    if len(effects):
        totals = [task_totals(effects, heads, task) for task in STUDY_TASKS]
        true = corrected_correlation(totals[0], totals[1], STUDY_TASKS)
        reliability = [split_half_reliability(task, rng, settings.n_splits) for task in totals]
        row |= {
            "corr_true": true.r,
            "corr_true_low": true.low,
            "corr_true_high": true.high,
            "undefined": true.undefined,
            "minimal_detectable": true.minimal_detectable,
            "reliability_ioi": reliability[0],
            "reliability_anti_names": reliability[1],
            "ceiling": correlation_ceiling(*reliability),
            "n_clusters_ioi": len(totals[0].labels),
            "n_clusters_anti_names": len(totals[1].labels),
        }
        parts = [parts_of(task) for task in totals]
        if pair_weight(*parts) > 0:
            products = pairwise_products(*parts)
        else:  # noise of the one cluster cannot be told from effects
            products = np.full_like(products, np.nan)
    if not np.isnan(corr):
        layers = heads["layer"].to_numpy()
        row["p"] = permutation_p(products, layers, rng, settings.n_permutations)
    return row


def scale_trend(correlations: pd.DataFrame, strong: pd.DataFrame, tau: float) -> pd.DataFrame:
    """Slope of each measure against log10 of the parameters, per family and over all models.

    Args:
        correlations: ``corr_vs_scale``.
        strong: ``strong_head_scaling``, of which the rows at ``tau`` are used.

    Slopes are per tenfold size. Models that are known not to be competent on one of the tasks are
    left out and counted, as are models without a size or without the measure. The rows of "all
    families" draw one line through all models, whatever their family.
    """
    at_tau = strong.loc[strong["tau"] == tau, [*_MODEL, "frac_strong"]]
    models = correlations.merge(at_tau, on=_MODEL, how="left", validate="one_to_one")
    rows = [
        {"family": family, "measure": measure, **_trend(group, measure)}
        for family, group in _families(models)
        for measure in TREND_MEASURES
    ]
    return pd.DataFrame(rows) if rows else SCALE_TREND.empty()


def _families(models: pd.DataFrame) -> Iterable[tuple[str, pd.DataFrame]]:
    for family, group in models.groupby("family", sort=False):
        yield str(family), group
    if len(models):
        yield ALL_FAMILIES, models


def _trend(models: pd.DataFrame, measure: str) -> Mapping[str, object]:
    able = models[list(_COMPETENT)].fillna(True).astype(bool).all(axis=1)
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
