"""How the effects on IOI and on anti-repetition go together over the heads of each model."""

from __future__ import annotations

import numpy as np
import pandas as pd

from circuit_scaling.analysis.cluster_effects import task_totals, with_effects
from circuit_scaling.analysis.scaling.settings import ScalingSettings
from circuit_scaling.statistics.agreement import pearson, spearman
from circuit_scaling.statistics.correlation import corrected_correlation, effective_heads
from circuit_scaling.statistics.cross_cluster import pair_weight, pairwise_products, parts_of
from circuit_scaling.statistics.permutation import permutation_p
from circuit_scaling.statistics.reliability import correlation_ceiling, split_half_reliability
from circuit_scaling.tables.scaling import CORR_VS_SCALE
from circuit_scaling.vocabulary import STUDY_TASKS

_MODEL = ["family", "model"]
# In the order of CorrectedCorrelation.
_TRUE = (
    *("corr_true", "corr_true_low", "corr_true_high"),
    *("corr_sample_low", "corr_sample_high"),
)
COMPETENT = tuple(f"competent_{task}" for task in STUDY_TASKS)
"""Columns that say whether a model does each task."""


def corr_vs_scale(
    classified: pd.DataFrame, effects: pd.DataFrame, settings: ScalingSettings
) -> pd.DataFrame:
    """A row per model: how the effects on IOI and on anti_names go together over its heads.

    ``corr`` is the Pearson correlation over the rows of the table, as published, ``corr_true`` the
    one of the true effects, with its interval for these heads (``corr_true_low``, ``_high``) and
    for heads as a sample (``corr_sample_low``, ``_high``). p comes from the covariance without
    shared noise where there are clusters, else from the observed one.

    Args:
        classified: ``classified_heads``.
        effects: ``joint_effects``; for a model that is not in it, everything that needs clusters
            is missing.
    """
    rows = [
        {**_facts(heads), **_correlation(heads, of_model, settings)}
        for heads, of_model in with_effects(classified, effects)
    ]
    if not rows:
        return CORR_VS_SCALE.empty()
    return pd.DataFrame(rows).astype(dict.fromkeys(COMPETENT, "boolean"))


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
        **dict.fromkeys(_TRUE, np.nan),
        "undefined": "no effects of clusters",
        "minimal_detectable": np.nan,
        "p": np.nan,
        **dict.fromkeys(("reliability_ioi", "reliability_anti_names", "ceiling"), np.nan),
        "n_clusters_ioi": 0,
        "n_clusters_anti_names": 0,
        **{name: heads[name].iloc[0] for name in COMPETENT},
        "frac_resolved": heads["resolved"].mean() if heads["resolved"].notna().all() else np.nan,
    }
    products = np.outer(ioi - ioi.mean(), anti - anti.mean())
    if len(effects):
        totals = [task_totals(effects, heads, task) for task in STUDY_TASKS]
        layers = heads["layer"].to_numpy()
        true = corrected_correlation(totals[0], totals[1], layers, STUDY_TASKS)
        reliability = [split_half_reliability(task, rng, settings.n_splits) for task in totals]
        row |= {
            **dict(zip(_TRUE, true[: len(_TRUE)], strict=True)),
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
        row["p"] = permutation_p(products, (ioi, anti), layers, rng, settings.n_permutations)
    return row
