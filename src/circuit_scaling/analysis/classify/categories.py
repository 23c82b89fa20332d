"""Categories, how sure they are, and the hero heads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.statistics.bootstrap import bootstrap_draws, cluster_bootstrap
from circuit_scaling.statistics.categories import (
    categorise,
    category_shares,
    category_stability,
    resolved,
)
from circuit_scaling.statistics.clusters import ClusterTotals, cluster_totals
from circuit_scaling.statistics.power import minimal_detectable_effect, prompts_needed
from circuit_scaling.tables.classify import HERO_HEADS
from circuit_scaling.vocabulary import CATEGORIES, STUDY_TASKS

_MODEL = ["family", "model"]
_DELTAS = ("delta_ioi", "delta_anti_names")


def classify_heads(
    heads: pd.DataFrame, effects: pd.DataFrame, competence: pd.DataFrame, settings: ClassifySettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Category of every head with its stability, and the counts per model.

    Args:
        heads: ``joint_heads``.
        effects: ``joint_effects``; models without cluster effects get categories, and no
            stability or intervals.
        competence: whether each model does each task.

    Returns:
        ``classified_heads`` and ``head_category_summary``.
    """
    classified, summaries = [], []
    for (family, model), rows in heads.groupby(_MODEL, sort=False):
        of_model = effects[(effects["family"] == family) & (effects["model"] == model)]
        table, summary = _classify_model(rows.copy(), of_model, settings)
        for task, column in (("ioi", "competent_ioi"), ("anti_names", "competent_anti_names")):
            table[column] = _competent(competence, str(model), task, table)
        classified.append(table)
        summaries.append({"family": family, "model": model, **summary})
    return pd.concat(classified, ignore_index=True), pd.DataFrame(summaries)


def _competent(competence: pd.DataFrame, model: str, task: str, like: pd.DataFrame) -> pd.Series:
    rows = competence[(competence["model"] == model) & (competence["task"] == task)]
    value = rows["competent"].iloc[0] if len(rows) else pd.NA
    return pd.Series(value, index=like.index, dtype="boolean")


def _classify_model(
    heads: pd.DataFrame, effects: pd.DataFrame, settings: ClassifySettings
) -> tuple[pd.DataFrame, dict[str, object]]:
    delta_ioi, delta_anti = (heads[column].to_numpy() for column in _DELTAS)
    heads["category"] = categorise(delta_ioi, delta_anti, settings.tau)
    heads["strength"] = np.abs(delta_ioi) + np.abs(delta_anti)
    heads["strength_select"] = sum(heads[f"{column}_select"].abs() for column in _DELTAS)
    heads["category_stability"] = np.nan
    heads["resolved"] = pd.Series(pd.NA, index=heads.index, dtype="boolean")
    shares: Mapping[str, tuple[float, float]] = {}
    summary: dict[str, object] = {
        "params_m": heads["params_m"].iloc[0],
        "n_heads_total": len(heads),
        **_counts(heads["category"].to_numpy()),
    }
    if len(effects):
        totals = [task_totals(effects, heads, task) for task in STUDY_TASKS]
        rng = np.random.default_rng(settings.seed)
        draws = bootstrap_draws(totals, rng, settings.n_boot)
        boots = [cluster_bootstrap(t, rng, settings.n_boot) for t in totals]
        heads["category_stability"] = category_stability(
            draws[0], draws[1], heads["category"].to_numpy(), settings.tau
        )
        clear = resolved(boots[0].low, boots[0].high, boots[1].low, boots[1].high, settings.tau)
        heads["resolved"] = pd.Series(list(clear), index=heads.index, dtype="boolean")
        shares = {
            category: (interval.low, interval.high)
            for category, interval in category_shares(
                delta_ioi, delta_anti, draws[0], draws[1], settings.tau
            ).items()
        }
    for category in CATEGORIES:
        low, high = shares.get(category, (np.nan, np.nan))
        summary[f"frac_{category}_low"], summary[f"frac_{category}_high"] = low, high
    summary["frac_resolved"] = (
        float(heads["resolved"].mean()) if heads["resolved"].notna().all() else np.nan
    )
    summary |= _power(heads, effects, settings.tau)
    return heads, summary


def task_totals(effects: pd.DataFrame, heads: pd.DataFrame, task: str) -> ClusterTotals:
    """Cluster effects of a task on one model's heads, in the order of ``heads``.

    ``effects`` are the model's rows of ``joint_effects``.
    """
    of_task = effects[effects["task"] == task]
    wide = of_task.pivot(index=["layer", "head"], columns="cluster", values="effect")
    n_prompts = of_task.drop_duplicates("cluster").set_index("cluster")["n_prompts"]
    order = pd.MultiIndex.from_frame(heads[["layer", "head"]])
    return cluster_totals(
        wide.loc[order].to_numpy(), wide.columns.to_numpy(), n_prompts[wide.columns].to_numpy()
    )


def _power(heads: pd.DataFrame, effects: pd.DataFrame, tau: float) -> dict[str, float]:
    """What the median head's standard error can and cannot resolve."""
    se_ioi, se_anti = heads["se_ioi"].median(), heads["se_anti_names"].median()
    n_prompts = {
        task: effects[effects["task"] == task].drop_duplicates("cluster")["n_prompts"].sum()
        for task in STUDY_TASKS
    }
    needed = [
        float(prompts_needed(np.array([se]), int(n), tau)[0]) if n else np.nan
        for se, n in ((se_ioi, n_prompts["ioi"]), (se_anti, n_prompts["anti_names"]))
    ]
    return {
        "minimal_detectable_ioi": float(minimal_detectable_effect(np.array([se_ioi]))[0]),
        "minimal_detectable_anti_names": float(minimal_detectable_effect(np.array([se_anti]))[0]),
        "prompts_to_resolve_tau": float(np.max(needed)),
    }


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


def hero_heads(classified: pd.DataFrame, settings: ClassifySettings) -> pd.DataFrame:
    """The strongest heads of each model and category, chosen on ``select`` prompts."""
    ranked = classified.sort_values(
        ["strength_select", "layer", "head"], ascending=[False, True, True], kind="stable"
    )
    ranked["rank"] = ranked.groupby([*_MODEL, "category"], sort=False).cumcount() + 1
    heroes = ranked[ranked["rank"] <= settings.top_k]
    order = {category: i for i, category in enumerate(CATEGORIES)}
    heroes = heroes.assign(
        _order=heroes["category"].map(order), _model=_first_seen(classified, heroes)
    )
    heroes = heroes.sort_values(["_model", "_order", "rank"], kind="stable")
    return heroes[list(HERO_HEADS.columns)].reset_index(drop=True)


def _first_seen(classified: pd.DataFrame, heroes: pd.DataFrame) -> pd.Series:
    """Models in the order of the roster."""
    place = {model: i for i, model in enumerate(dict.fromkeys(classified["model"]))}
    return heroes["model"].map(place)
