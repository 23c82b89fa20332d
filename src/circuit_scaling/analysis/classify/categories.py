"""Categories of heads and how sure they are, at one threshold and at many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.analysis.cluster_effects import effect_draws, with_effects
from circuit_scaling.statistics.categories import (
    ShareInterval,
    categorise,
    category_shares,
    category_stability,
    resolved,
)
from circuit_scaling.statistics.clusters import MIN_CLUSTERS
from circuit_scaling.statistics.power import minimal_detectable_effect
from circuit_scaling.vocabulary import CATEGORIES, STUDY_TASKS

_MODEL = ["family", "model"]
_DELTAS = ("delta_ioi", "delta_anti_names")
_INTERVALS = {  # as the test of them takes them
    "low_ioi": "low_ioi",
    "high_ioi": "high_ioi",
    "low_anti": "low_anti_names",
    "high_anti": "high_anti_names",
}


def classify_heads(
    heads: pd.DataFrame, effects: pd.DataFrame, competence: pd.DataFrame, settings: ClassifySettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Category of every head with its stability, and the counts per model.

    ``category`` is from all prompts; ``category_select`` from the ``select`` prompts alone, as
    heroes need it, with a stability of its own.

    Args:
        heads: ``joint_heads``.
        effects: ``joint_effects``; models without cluster effects get categories, and no
            stability or intervals.
        competence: whether each model does each task.

    Returns:
        ``classified_heads`` and ``head_category_summary``.
    """
    classified, summaries = [], []
    for rows, of_model in with_effects(heads, effects):
        family, model = rows[_MODEL].iloc[0]
        of_clean = competence[competence["model"] == model]
        table, summary = _classify_model(rows.copy(), of_model, settings)
        for task in STUDY_TASKS:
            table[f"competent_{task}"] = _competent(of_clean, task, table)
        classified.append(table)
        summaries.append({"family": family, "model": model, **summary})
    return pd.concat(classified, ignore_index=True), pd.DataFrame(summaries)


def _competent(competence: pd.DataFrame, task: str, like: pd.DataFrame) -> pd.Series:
    rows = competence[competence["task"] == task]
    value = rows["competent"].iloc[0] if len(rows) else pd.NA
    return pd.Series(value, index=like.index, dtype="boolean")


def _classify_model(
    heads: pd.DataFrame,
    effects: pd.DataFrame,
    settings: ClassifySettings,
) -> tuple[pd.DataFrame, dict[str, object]]:
    delta_ioi, delta_anti = (heads[column].to_numpy() for column in _DELTAS)
    heads["category"] = categorise(delta_ioi, delta_anti, settings.tau)
    heads["strength"] = np.abs(delta_ioi) + np.abs(delta_anti)
    select_ioi, select_anti = (heads[f"{column}_select"].to_numpy() for column in _DELTAS)
    heads["category_select"] = categorise(select_ioi, select_anti, settings.tau)
    heads["strength_select"] = np.abs(select_ioi) + np.abs(select_anti)
    heads["category_stability"] = heads["stability_select"] = np.nan
    heads["resolved"] = pd.Series(pd.NA, index=heads.index, dtype="boolean")
    shares: Mapping[str, ShareInterval] = {}
    summary: dict[str, object] = {
        "params_m": heads["params_m"].iloc[0],
        "n_heads_total": len(heads),
        **_counts(heads["category"].to_numpy()),
    }
    if len(effects):
        draws = _draws(effects, heads, settings)
        heads["category_stability"] = category_stability(
            *draws, heads["category"].to_numpy(), settings.tau
        )
        if {*STUDY_TASKS} <= set(effects.loc[effects["split"] == "select", "task"]):
            heads["stability_select"] = category_stability(
                *_draws(effects, heads, settings, "select"),
                heads["category_select"].to_numpy(),
                settings.tau,
            )
        ends = {end: heads[name].to_numpy() for end, name in _INTERVALS.items()}
        clear = resolved(**ends, tau=settings.tau)
        heads["resolved"] = pd.Series(list(clear), index=heads.index, dtype="boolean")
        errors = heads["se_ioi"].to_numpy(), heads["se_anti_names"].to_numpy()
        shares = category_shares((delta_ioi, delta_anti), errors, draws, settings.tau)
    summary |= share_columns(shares)
    summary["shares_unknown"] = why_unknown(shares, heads)
    summary["frac_resolved"] = (
        float(heads["resolved"].mean()) if heads["resolved"].notna().all() else np.nan
    )
    summary |= _power(heads)
    return heads, summary


def _draws(
    effects: pd.DataFrame,
    heads: pd.DataFrame,
    settings: ClassifySettings,
    split: str | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bootstrap draws of the effects on both tasks, each [draws, heads]."""
    rng = np.random.default_rng(settings.seed)
    first, second = effect_draws(effects, heads, STUDY_TASKS, rng, settings.n_boot, split)
    return first, second


def share_columns(shares: Mapping[str, ShareInterval]) -> dict[str, float]:
    """``frac_<name>_true`` with its interval for every name of ``shares``; else of all categories.

    ``frac_<name>`` is the share that is seen, this one that without the noise of the effects.
    """
    missing = ShareInterval(np.nan, np.nan, np.nan)
    return {
        f"frac_{name}_{part}": value
        for name, interval in (shares or dict.fromkeys(CATEGORIES, missing)).items()
        for part, value in zip(("true", "low", "high"), interval, strict=True)
    }


def why_unknown(shares: Mapping[str, ShareInterval], heads: pd.DataFrame) -> str:
    """Why the true shares of a model's categories are not known; empty where they are."""
    if not shares:
        return "no effects of clusters"
    if not np.isnan(next(iter(shares.values())).share):
        return ""
    error = max(heads["se_ioi"].median(), heads["se_anti_names"].median())
    if np.isnan(error):
        return f"fewer than {MIN_CLUSTERS} clusters"
    return "standard error of the median head above tau / 2"


def _power(heads: pd.DataFrame) -> dict[str, object]:
    """What the median head's standard error can and cannot find, and what templates would add.

    ``template_variance_<task>`` is how many times the variance of a mean effect would be what it
    is, at the median head, if templates were a sample like the names, and not fixed.
    """
    columns: dict[str, object] = {}
    for task in STUDY_TASKS:
        error = float(heads[f"se_{task}"].median())
        columns[f"minimal_detectable_{task}"] = float(minimal_detectable_effect(error))
        between = heads.get(f"se_templates_{task}", pd.Series(np.nan, index=heads.index))
        known = heads[f"se_{task}"] > 0
        ratio = (between[known] / heads.loc[known, f"se_{task}"]) ** 2
        columns[f"template_variance_{task}"] = float(ratio.median())
    return columns


def _counts(categories: np.ndarray) -> dict[str, object]:
    numbers = {c: int((categories == c).sum()) for c in CATEGORIES}
    return {
        **{f"n_{c}": n for c, n in numbers.items()},
        **{f"frac_{c}": n / len(categories) for c, n in numbers.items()},
    }


def sensitivity(
    heads: pd.DataFrame, competence: pd.DataFrame, settings: ClassifySettings
) -> pd.DataFrame:
    """Counts per category over the tau grid, for effects in logits and relative to the metric.

    The relative basis divides each effect by the model's clean metric on the task, so that one
    tau means the same share of the behaviour in every model; it is only given where the clean
    metric is competent.
    """
    return pd.DataFrame(_sensitivity_rows(heads, competence, settings))


def _sensitivity_rows(
    heads: pd.DataFrame, competence: pd.DataFrame, settings: ClassifySettings
) -> Iterator[dict[str, object]]:
    clean = competence[competence["competent"].fillna(False).astype(bool)]
    for (family, model), rows in heads.groupby(_MODEL, sort=False):
        of_model = clean[clean["model"] == model].set_index("task")["clean_metric"]
        bases = {"delta": (1.0, 1.0)}
        if {*STUDY_TASKS} <= set(of_model.index):
            bases["relative"] = (of_model["ioi"], of_model["anti_names"])
        for basis, (scale_ioi, scale_anti) in bases.items():
            for tau in settings.taus:
                categories = categorise(
                    rows["delta_ioi"].to_numpy() / scale_ioi,
                    rows["delta_anti_names"].to_numpy() / scale_anti,
                    tau,
                )
                yield {
                    "family": family,
                    "model": model,
                    "basis": basis,
                    "tau": tau,
                    **_counts(categories),
                }


def at_taus(classified: pd.DataFrame, taus: Sequence[float]) -> pd.DataFrame:
    """The heads once for each threshold, column ``tau``, with the category that they have there."""
    ioi, anti = (classified[name].to_numpy(dtype=np.float64) for name in _DELTAS)
    frames = [
        classified.assign(tau=tau, category=categorise(ioi, anti, tau)) for tau in sorted(taus)
    ]
    return pd.concat(frames, ignore_index=True)
