"""Made-up correlations, shares and trends against size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tests.helpers.synthetic_tables.classify import category_sensitivity
from tests.helpers.synthetic_tables.models import MODELS, Model


def corr_vs_scale(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    """The last model's correlation is not defined."""
    rng = np.random.default_rng(6)
    rows = []
    for index, model in enumerate(models):
        defined = index < len(models) - 1
        corr = float(np.clip(0.4 + 0.3 * np.log10(model.params_m) + rng.normal(0, 0.2), -0.9, 0.9))
        rows.append(
            {
                "family": model.family,
                "model": model.slug,
                "params_m": model.params_m,
                "corr": 0.9 * corr,
                "n_heads_compared": model.layers * model.heads,
                "n_heads_effective": 5.5,
                "spearman": 0.8 * corr,
                "corr_true": corr if defined else np.nan,
                "corr_true_low": max(-1.0, corr - 0.35) if defined else np.nan,
                "corr_true_high": min(1.0, corr + 0.25) if defined else np.nan,
                "corr_sample_low": max(-1.0, corr - 0.6) if defined else np.nan,
                "corr_sample_high": min(1.0, corr + 0.4) if defined else np.nan,
                "undefined": "" if defined else "effects on ioi do not vary beyond noise",
                "minimal_detectable": 0.4 if defined else np.nan,
                "p": 0.0123,
                "reliability_ioi": 0.95,
                "reliability_anti_names": 0.9,
                "ceiling": float(np.sqrt(0.95 * 0.9)),
                "n_clusters_ioi": 20,
                "n_clusters_anti_names": 40,
                "competent_ioi": model.ioi,
                "competent_anti_names": model.anti,
                "frac_resolved": 0.6,
            }
        )
    return pd.DataFrame(rows)


def strong_head_scaling(heads: pd.DataFrame) -> pd.DataFrame:
    sensitivity = category_sensitivity(heads)
    frame = sensitivity[sensitivity["basis"] == "delta"].drop(columns=["basis", "frac_resolved"])
    return frame.assign(
        n_strong=frame["n_heads_total"] - frame["n_weak"],
        frac_strong=1 - frame["frac_weak"],
        frac_strong_true=1 - frame["frac_weak_true"],
        frac_strong_low=1 - frame["frac_weak_high"],
        frac_strong_high=1 - frame["frac_weak_low"],
    )


def scale_trend(families: Sequence[str] = ("mini_gpt2", "mini_pythia")) -> pd.DataFrame:
    rows = [
        {
            "family": family,
            "measure": measure,
            "n_models": 3,
            "n_left_out": 0,
            "slope": 0.4,
            "se": 0.2,
            "low": 0.4 - 2.54,
            "high": 0.4 + 2.54,
        }
        for family in (*families, "all families")
        for measure in ("corr_true", "corr", "frac_strong_true", "frac_strong")
    ]
    return pd.DataFrame(rows)


def layer_profile(heads: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "family": family,
            "model": model,
            "params_m": group["params_m"].iloc[0],
            "category": category,
            "bin": place,
            "depth_low": place / 4,
            "depth_high": (place + 1) / 4,
            "n_heads_in_bin": 12,
            "n_category": 3,
            "frac_category": 0.25,
            "mean_depth": 0.41,
            "mean_depth_low": 0.33,
            "mean_depth_high": 0.49,
        }
        for (family, model), group in heads.groupby(["family", "model"], sort=False)
        for category in ("ioi_only", "anti_only", "shared", "weak")
        for place in range(4)
    ]
    return pd.DataFrame(rows)


def control_models(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    rows = [
        {
            "family": model.family,
            "model": model.slug,
            "task": task,
            "order_balanced": task != "anti_names_first",
            "clean_metric": 0.01,
            "low": -0.02,
            "high": 0.04,
            "competent": False,
            "n_heads_total": model.layers * model.heads,
            "n_significant": 7.0 if task == "anti_names_first" else 0.0,
            "n_strong": 0,
            "strongest": 0.01,
        }
        for model in models
        if not (model.ioi and model.anti)
        for task in (("anti_names", "anti_names_first") if model.ioi else ("ioi",))
    ]
    return pd.DataFrame(rows).astype({"competent": "boolean"})
