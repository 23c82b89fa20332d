"""The schemas of the scaling study."""

from __future__ import annotations

from circuit_scaling.tables.columns import (
    MODEL,
    category_columns,
    correlation,
    count,
    flag,
    number,
    share,
    text,
    true_shares,
)
from circuit_scaling.tables.table import Table
from circuit_scaling.vocabulary import CATEGORIES

CORR_VS_SCALE = Table(
    "corr_vs_scale",
    {
        **MODEL,
        "params_m": number(nullable=True, at_least=0),
        "corr": correlation(),
        "n_heads_compared": count(),
        "n_heads_effective": number(nullable=True, at_least=1 - 1e-9),
        "spearman": correlation(),
        "corr_true": number(nullable=True),
        "corr_true_low": correlation(),
        "corr_true_high": correlation(),
        "corr_sample_low": correlation(),
        "corr_sample_high": correlation(),
        "undefined": text(),
        "minimal_detectable": share(nullable=True),
        "p": share(nullable=True),
        "reliability_ioi": share(nullable=True),
        "reliability_anti_names": share(nullable=True),
        "ceiling": share(nullable=True),
        "n_clusters_ioi": count(),
        "n_clusters_anti_names": count(),
        "competent_ioi": flag(nullable=True),
        "competent_anti_names": flag(nullable=True),
        "frac_resolved": share(nullable=True),
    },
    keys=("family", "model"),
)
STRONG_HEAD_SCALING = Table(
    "strong_head_scaling",
    {
        **MODEL,
        "params_m": number(nullable=True, at_least=0),
        "tau": number(at_least=0),
        "n_heads_total": count(),
        **category_columns(),
        "n_strong": count(),
        "frac_strong": share(),
        **true_shares(*CATEGORIES, "strong"),
    },
    keys=("family", "model", "tau"),
)
LAYER_PROFILE = Table(
    "layer_profile",
    {
        **MODEL,
        "params_m": number(nullable=True, at_least=0),
        "category": text(*CATEGORIES),
        "bin": count(),
        "depth_low": share(),
        "depth_high": share(),
        "n_heads_in_bin": count(),
        "n_category": count(),
        "frac_category": share(nullable=True),
        "mean_depth": share(nullable=True),
        "mean_depth_low": number(nullable=True),
        "mean_depth_high": number(nullable=True),
    },
    keys=("family", "model", "category", "bin"),
    may_be_empty=True,
)
SCALE_TREND = Table(
    "scale_trend",
    {
        "family": text(),
        "measure": text("corr_true", "corr", "frac_strong_true", "frac_strong"),
        "n_models": count(),
        "n_left_out": count(),
        "slope": number(nullable=True),
        "se": number(nullable=True, at_least=0),
        "low": number(nullable=True),
        "high": number(nullable=True),
    },
    keys=("family", "measure"),
)
CONTROL_MODELS = Table(
    "control_models",
    {
        **MODEL,
        "task": text(),
        "order_balanced": flag(),
        "clean_metric": number(),
        "low": number(nullable=True),
        "high": number(nullable=True),
        "competent": flag(nullable=True),
        "n_heads_total": count(),
        "n_significant": count(nullable=True),
        "n_strong": count(),
        "strongest": number(at_least=0),
    },
    keys=("family", "model", "task"),
    may_be_empty=True,
)
