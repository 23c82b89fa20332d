"""How many heads are strong, at every threshold, and at which depth of a model they lie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from circuit_scaling.analysis.classify.categories import share_columns
from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.analysis.cluster_effects import effect_draws, with_effects
from circuit_scaling.analysis.scaling.settings import ScalingSettings
from circuit_scaling.statistics.categories import (
    ShareInterval,
    categorise,
    category_means,
    category_shares,
)
from circuit_scaling.tables.scaling import LAYER_PROFILE, STRONG_HEAD_SCALING
from circuit_scaling.vocabulary import CATEGORIES, STUDY_TASKS

_Floats = npt.NDArray[np.float64]


class _Model(NamedTuple):
    """One model's heads with errors and bootstrap draws; NaN where there are no clusters."""

    heads: pd.DataFrame
    deltas: tuple[_Floats, _Floats]
    errors: tuple[_Floats, _Floats]
    draws: tuple[_Floats, _Floats]


def strong_heads(
    classified: pd.DataFrame,
    effects: pd.DataFrame,
    settings: ScalingSettings,
    categories: ClassifySettings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``strong_head_scaling`` and ``layer_profile`` of all models.

    A head is strong if it is on at least one of the tasks. Models whose number of layers is not
    known have no relative depth and no rows in the profile, nor has a layer that a model does not
    have.

    Args:
        classified: ``classified_heads``.
        effects: ``joint_effects``; models that are not in it get no intervals.
        settings: of the bootstrap and the depth bins.
        categories: tau, which the profile uses, and the grid of taus.
    """
    strong: list[dict[str, object]] = []
    profile: list[dict[str, object]] = []
    for heads, of_model in with_effects(classified, effects):
        model = _with_draws(heads, of_model, settings)
        strong += _by_tau(model, sorted({*categories.taus, categories.tau}))
        profile += _by_depth(model, categories.tau, settings.depth_bins)
    return (
        pd.DataFrame(strong) if strong else STRONG_HEAD_SCALING.empty(),
        pd.DataFrame(profile) if profile else LAYER_PROFILE.empty(),
    )


def _with_draws(heads: pd.DataFrame, effects: pd.DataFrame, settings: ScalingSettings) -> _Model:
    ioi, anti = (heads[f"delta_{task}"].to_numpy() for task in STUDY_TASKS)
    missing = np.full((1, len(heads)), np.nan)
    errors, draws = [missing[0], missing[0]], [missing, missing]
    if len(effects):
        rng = np.random.default_rng(settings.seed)
        errors = [heads[f"se_{task}"].to_numpy() for task in STUDY_TASKS]
        draws = effect_draws(effects, heads, STUDY_TASKS, rng, settings.n_boot)
    return _Model(heads, (ioi, anti), (errors[0], errors[1]), (draws[0], draws[1]))


def _by_tau(model: _Model, taus: list[float]) -> Iterator[dict[str, object]]:
    first = model.heads.iloc[0]
    for tau in taus:
        shares = category_shares(model.deltas, model.errors, model.draws, tau)
        weak = shares["weak"]
        shares["strong"] = ShareInterval(1 - weak.share, 1 - weak.high, 1 - weak.low)
        seen = categorise(*model.deltas, tau)
        counts = {name: int((seen == name).sum()) for name in CATEGORIES}
        counts["strong"] = len(seen) - counts["weak"]
        yield {
            **{name: first[name] for name in ("family", "model", "params_m")},
            "tau": tau,
            "n_heads_total": len(model.heads),
            **{f"n_{name}": n for name, n in counts.items()},
            **{f"frac_{name}": n / len(seen) for name, n in counts.items()},
            **share_columns(shares),
        }


def _of_heads(model: _Model, chosen: npt.NDArray[np.bool_]) -> _Model:
    """The same for some of the heads."""
    (ioi, anti), (error_ioi, error_anti) = model.deltas, model.errors
    draws_ioi, draws_anti = model.draws
    return _Model(
        model.heads[chosen],
        (ioi[chosen], anti[chosen]),
        (error_ioi[chosen], error_anti[chosen]),
        (draws_ioi[:, chosen], draws_anti[:, chosen]),
    )


def _by_depth(model: _Model, tau: float, n_bins: int) -> Iterator[dict[str, object]]:
    first = model.heads.iloc[0]
    # A layer that the model does not have, in a table that was kept, has no depth; nor has any
    # where the number of layers is not known.
    model = _of_heads(model, (model.heads["layer"] < model.heads["n_layers"]).to_numpy())
    if model.heads.empty:
        return
    # The middle of the layer, so that the first and the last lie equally far inside 0..1.
    depth = (model.heads["layer"].to_numpy() + 0.5) / float(first["n_layers"])
    # Up to rounding: a layer in the middle of a model must not fall on either side by chance.
    bins = np.floor(depth * n_bins + 1e-9).astype(int)
    category = categorise(*model.deltas, tau)
    means = category_means(depth, *model.deltas, *model.draws, tau)
    for name in CATEGORIES:
        for place in range(n_bins):
            inside = bins == place
            n_category = int((inside & (category == name)).sum())
            yield {
                **{key: first[key] for key in ("family", "model", "params_m")},
                "category": name,
                "bin": place,
                "depth_low": place / n_bins,
                "depth_high": (place + 1) / n_bins,
                "n_heads_in_bin": int(inside.sum()),
                "n_category": n_category,
                "frac_category": n_category / inside.sum() if inside.any() else np.nan,
                "mean_depth": means[name].mean,
                "mean_depth_low": means[name].low,
                "mean_depth_high": means[name].high,
            }
