"""Valid tables of the schemas in ``tables/scaling.py``."""

from __future__ import annotations

from circuit_scaling.vocabulary import CATEGORIES
from tests.helpers.valid_tables.rows import COUNTED, FLAGS, MODEL, NAN, TRUE_SHARE

TABLES = {
    "corr_vs_scale": {
        "family": "mini",
        "model": ["a", "b", "c", "d"],
        "params_m": [0.3, 0.6, 1.2, NAN],
        "corr": [0.5, -1.0, NAN, 1.0],
        "n_heads_compared": 4,
        "n_heads_effective": [1.0, 2.5, NAN, 4.0],
        "spearman": [0.5, -1.0, NAN, 1.0],
        "corr_true": [0.6, -1.1, NAN, NAN],
        "corr_true_low": [0.2, -1.0, NAN, NAN],
        "corr_true_high": [0.8, -0.7, NAN, NAN],
        "corr_sample_low": [-0.2, -1.0, NAN, NAN],
        "corr_sample_high": [0.9, -0.1, NAN, NAN],
        "undefined": ["", "", "fewer than 10 heads", "no effects of clusters"],
        "minimal_detectable": [0.4, 1.0, NAN, NAN],
        "p": [0.01, 1.0, NAN, 0.5],
        "reliability_ioi": [0.9, 0.0, NAN, NAN],
        "reliability_anti_names": [0.9, 1.0, NAN, NAN],
        "ceiling": [0.9, NAN, NAN, NAN],
        "n_clusters_ioi": [20, 20, 9, 0],
        "n_clusters_anti_names": [40, 40, 9, 0],
        "competent_ioi": FLAGS,
        "competent_anti_names": FLAGS,
        "frac_resolved": [0.5, 1.0, 0.0, NAN],
    },
    "strong_head_scaling": {
        **MODEL,
        "params_m": [0.3, 0.3, 0.3, NAN],
        "tau": [0.01, 0.03, 0.05, 0.1],
        "n_heads_total": [4, 4, 4, 6],
        **COUNTED,
        "n_strong": [3, 3, 0, 0],
        "frac_strong": [0.75, 1.0, 0.5, 0.0],
        **{
            f"frac_{c}_{e}": [0.1, 0.2, 1.0, NAN]
            for c in (*CATEGORIES, "strong")
            for e in TRUE_SHARE
        },
    },
    "layer_profile": {
        **MODEL,
        "params_m": [0.3, 0.3, 0.3, NAN],
        "category": list(CATEGORIES),
        "bin": [0, 1, 2, 3],
        "depth_low": [0.0, 0.25, 0.5, 0.75],
        "depth_high": [0.25, 0.5, 0.75, 1.0],
        "n_heads_in_bin": [4, 4, 0, 4],
        "n_category": [1, 0, 0, 4],
        "frac_category": [0.25, 0.0, NAN, 1.0],
        "mean_depth": [0.1, 0.5, NAN, 0.9],
        "mean_depth_low": [-0.1, 0.4, NAN, NAN],
        "mean_depth_high": [0.3, 0.6, NAN, NAN],
    },
    "scale_trend": {
        "family": ["mini", "mini", "mini", "all families"],
        "measure": ["corr_true", "corr", "frac_strong", "frac_strong_true"],
        "n_models": [3, 3, 2, 10],
        "n_left_out": [0, 0, 1, 0],
        "slope": [0.5, -0.5, NAN, 0.1],
        "se": [0.1, 0.2, NAN, 0.3],
        "low": [-0.5, -2.5, NAN, -0.6],
        "high": [1.5, 1.5, NAN, 0.8],
    },
    "control_models": {
        "family": "control",
        "model": ["a", "b", "c", "d"],
        "task": ["ioi", "anti_names", "ioi", "ioi"],
        "order_balanced": [True, False, True, True],
        "clean_metric": [0.0, -0.1, 0.2, 0.0],
        "low": [-0.1, -0.3, NAN, -0.1],
        "high": [0.1, 0.1, NAN, 0.1],
        "competent": FLAGS,
        "n_heads_total": 4,
        "n_significant": [0.0, 1.0, 4.0, NAN],
        "n_strong": [0, 1, 2, 3],
        "strongest": [0.0, 0.1, 2.5, 1.0],
    },
}
