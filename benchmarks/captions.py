"""What is said below a figure, from the table beside it: no number is typed by hand."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from circuit_scaling.figures.style import METHODS, TASKS
from circuit_scaling.vocabulary import ALPHA, EVERY_QUESTION, STUDY_TASKS

_VERDICTS = {
    "does it itself": "do it themselves",
    "routes": "route into other heads",
    "mixed": "both",
    "unclear": "unclear",
}


def phase_space(shown: pd.DataFrame) -> str:
    """Of ``all_heads_phase_space`` and of the figure of one model."""
    models = shown["model"].unique()
    whose = models[0] if len(models) == 1 else f"{len(models)} models"
    strong, shared = (shown["category"] != "weak").sum(), (shown["category"] == "shared").sum()
    return (
        f"The {len(shown)} heads of {whose} by their effect on IOI and on anti-repetition."
        f" Negative: the model gets worse without the head. {strong} are strong on a task,"
        f" {shared} of them on both."
    )


def categories(shown: pd.DataFrame) -> str:
    """Of ``category_counts``."""
    return (
        f"Categories of heads in each model: {_shares(shown['frac_shared'])} of a model's heads are"
        " strong on both tasks."
    )


def strong_heads(shown: pd.DataFrame) -> str:
    """Of ``strong_head_scaling``."""
    ends = shown["tau"].min(), shown["tau"].max()
    low, high = (_shares(shown.loc[shown["tau"] == tau, "frac_strong"]) for tau in ends)
    return (
        f"Strong heads against the size of the model and against the threshold: {low} of a model's"
        f" heads are strong on a task at τ = {ends[0]:g}, and {high} at τ = {ends[1]:g}."
    )


def thresholds(shown: pd.DataFrame) -> str:
    """Of ``<model>_delta_scatter_taus``."""
    strong = (shown["category"] != "weak").groupby(shown["tau"]).agg(["sum", "count"])
    return f"The heads of {shown['model'].iloc[0]} at every threshold. {_by_tau(strong)}"


def layers(shown: pd.DataFrame) -> str:
    """Of ``<model>_layer_hist_taus``."""
    counts = shown.drop(columns="layer").groupby("tau").sum()
    every = counts.sum(axis=1)
    strong = pd.DataFrame({"sum": every - counts["n_weak"], "count": every})
    return f"Categories of heads in every layer, at every threshold. {_by_tau(strong)}"


def influence(shown: pd.DataFrame) -> str:
    """Of ``causal_ioi``."""
    known = shown.dropna(subset=["denoising_normalised", "noising_normalised"])
    carries = (known["denoising_normalised_low"] > 0) & (known["noising_normalised_low"] > 0)
    return (
        "What hero heads carry of IOI, against their strength under ablation. Of"
        f" {len(known)} heads {carries.sum()} carry it in both directions: their clean output"
        " restores it in the corrupt run, and their corrupt output takes it from the clean one"
        " (both intervals above nothing)."
    )


def divergence(shown: pd.DataFrame) -> str:
    """Of ``ioi_divergence``."""
    kept = shown[shown["divergence"] == "conserved"]
    return (
        "What became of the IOI-like heads of each model at the same layer and head of the others:"
        f" {_shares(kept['share'])} are IOI-like there too. Of random heads of those models"
        f" {_shares(kept['chance'])} would be."
    )


def reads_writes(shown: pd.DataFrame) -> str:
    """Of ``<model>_reads_writes``."""
    told = shown[shown["task"] == "ioi"].drop_duplicates(["layer", "head"])["verdict"]
    counts = {words: told.str.startswith(verdict).sum() for verdict, words in _VERDICTS.items()}
    verdicts = ", ".join(f"{words}: {count}" for words, count in counts.items() if count)
    return (
        f"Where the {len(told)} hero heads of {shown['model'].iloc[0]} look, what they do, and"
        f" where they write to. On IOI, {verdicts}."
    )


def heroes_of_all(shown: pd.DataFrame) -> str:
    """Of ``ablation_overview``."""
    able = shown[shown["competent"] != False]  # noqa: E712
    worse = (able["matched_difference"] < 0) & (able["matched_p"] < ALPHA)
    told = [
        f"{worse[able['task'] == task].sum()} of the {(able['task'] == task).sum()} models that can"
        f" do {TASKS[task].label.split(',')[0]}"
        for task in STUDY_TASKS
    ]
    return (
        "Hero heads ablated together, against random heads of the same layers. They cost more"
        f" (p < {ALPHA:g}) in {' and in '.join(told)}."
    )


def heroes(shown: pd.DataFrame) -> str:
    """Of ``<model>_hero_vs_random_ablation``."""
    row = shown[shown["task"] == "ioi"].sort_values("k").iloc[-1]
    return (
        f"Right answers on IOI of {row['model']}: {_share(row['clean_accuracy'])} as it is,"
        f" {_share(row['accuracy'])} without its {row['k']} hero heads,"
        f" {_share(row['matched_accuracy'])} without as many random heads of the same layers."
    )


def scores(shown: pd.DataFrame) -> str:
    """Of ``<model>_retrieval_scores``."""
    best = shown.loc[shown.groupby("method", sort=False)["score"].idxmax()]
    told = [
        f"L{layer}H{head} by {METHODS[method].label}"
        for method, layer, head in best[["method", "layer", "head"]].itertuples(index=False)
    ]
    return (
        f"Which heads of {shown['model'].iloc[0]} read the document. The highest scores:"
        f" {', '.join(told)}."
    )


def masking(shown: pd.DataFrame) -> str:
    """Of ``<model>_masking``."""
    rows = shown[(shown["question"] == EVERY_QUESTION) & shown["answered"]]
    if rows.empty:
        rows = shown[shown["question"] != EVERY_QUESTION]
    rows = rows[rows["n_heads"] == rows["n_heads"].max()]
    return (
        f"Right answers of {rows['model'].iloc[0]} without the heads that read the document:"
        f" {_shares(rows['baseline_accuracy'])} as it is, {_shares(rows['accuracy'])} without the"
        f" best {rows['n_heads'].iloc[0]} heads of a method, {_shares(rows['random_accuracy'])}"
        " without as many random ones."
    )


def overlap(shown: pd.DataFrame) -> str:
    """Of ``method_overlap``."""
    value, chance, ceiling = (
        _range(shown[name], _number) for name in ("value", "chance", "ceiling")
    )
    return (
        f"How far two methods find the same heads: a Jaccard overlap of {value}, by chance"
        f" {chance}. Two halves of the samples agree to {ceiling}."
    )


def _by_tau(strong: pd.DataFrame) -> str:
    """``strong`` has, by tau, the ``sum`` of strong heads and the ``count`` of all."""
    told = [
        f"{row['sum']:.0f} of {row['count']:.0f} at τ = {tau:g}" for tau, row in strong.iterrows()
    ]
    return f"Strong on a task are {told[0]}, and {told[-1]}."


def _share(share: float) -> str:
    return f"{100 * share:.0f} %"


def _shares(values: pd.Series) -> str:
    return _range(values, _share)


def _number(value: float) -> str:
    return f"{value:.2f}"


def _range(values: pd.Series, written: Callable[[float], str]) -> str:
    """The lowest and the highest value, or one where they are written alike."""
    low, high = written(values.min()), written(values.max())
    return low if low == high else f"{low} to {high}"
