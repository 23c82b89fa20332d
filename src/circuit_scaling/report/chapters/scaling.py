"""The chapter on scale: correlations of true effects, strong heads, depths, trends, controls."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.figures.style import CATEGORIES, both_abilities, number
from circuit_scaling.report.blocks import (
    MISSING,
    Block,
    Cell,
    Table,
    arrange,
    as_float,
    count_cell,
    counted,
    drawing,
    family_name,
    interval,
    model_cell,
    number_cell,
    share,
    task_name,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.counting import able_on_both, beyond_chance, by_chance
from circuit_scaling.statistics.significance import q_values
from circuit_scaling.vocabulary import ALPHA

_FURTHER = ("scale_trend", "layer_profile", "control_models")
_MEASURES = {
    "corr_true": "correlation of true effects",
    "corr": "Pearson",
    "frac_strong_true": "share of strong heads, without noise",
    "frac_strong": "share of strong heads, as seen",
}


def _tell(context: ReportContext) -> Told:
    """Correlations, strong heads, trends, depths and controls."""
    frame = context.tables["corr_vs_scale"]
    if frame.empty:
        return Told(("No model has heads to compare.",))
    frame = arrange(frame, context.order)
    suspect = context.suspect_models
    blocks: list[Block] = [_correlations(frame, suspect, context)]
    caption = "Correlation of the two effects over the heads of each model, against its size."
    blocks += drawing(context.figures, "corr_vs_scale_cross_family", caption)
    caption = (
        "Share of strong heads: above against size at τ, below over the tau grid."
        if context.imported
        else "Share of strong heads: above without the noise of the effects, against size at τ"
        " (pale: as seen, where that is not known); below as seen, over the tau grid."
    )
    blocks += drawing(context.figures, "strong_head_scaling", caption)
    sentences = _lead_of_imported(frame) if context.imported else _lead(frame)
    trends, depths, controls = (context.tables.get(name) for name in _FURTHER)
    if trends is not None and len(trends):
        sentences += _trend_sentences(trends, "corr" if context.imported else "corr_true")
        blocks.append(_trends(trends.dropna(subset=["slope"]) if context.imported else trends))
    if depths is not None and len(depths):
        blocks.append(_depths(arrange(depths, context.order), suspect, context))
    if controls is not None and len(controls):
        sentences += _control_sentences(controls)
        blocks.append(_controls(arrange(controls, context.order)))
    return Told(sentences, blocks)


def _lead(frame: pd.DataFrame) -> list[str]:
    sentences = [
        "The question is how the true effects of a model's heads on IOI and on anti-repetition go"
        " together: variances and covariance are freed of the noise of the prompts. The interval is"
        " for these heads, over prompts; beside it stands the one for heads as a sample, which says"
        " what another training of such a model may show, with its layers as what was sampled."
    ]
    able = able_on_both(frame)
    known = able.dropna(subset=["corr_true"])
    if len(known):
        ranked = known.sort_values("corr_true", kind="stable")
        ends = [ranked.iloc[0]] if len(ranked) == 1 else [ranked.iloc[0], ranked.iloc[-1]]
        named = " to ".join(
            f"{number(row['corr_true'])} {interval(row['corr_true_low'], row['corr_true_high'])}"
            f" in {row['model']}"
            for row in ends
        )
        above = int((known["corr_true_low"] > 0).sum())
        below = int((known["corr_true_high"] < 0).sum())
        sentences.append(
            f"Of {counted(len(able), 'model')} that are not known to fail a task, it is defined for"
            f" {len(known)}: {named}; the interval over prompts lies above 0 in {above} and below 0"
            f" in {below}, where by chance alone {by_chance(len(known))} would not hold 0."
        )
        sample = known.dropna(subset=["corr_sample_low"])
        clear = int(((sample["corr_sample_low"] > 0) | (sample["corr_sample_high"] < 0)).sum())
        sentences.append(
            f"As a sample of heads, {clear or 'none'} of {len(sample)} are told from 0."
        )
    sentences += _permuted(able)
    undefined = frame[frame["undefined"] != ""]
    for reason, models in undefined.groupby("undefined", sort=False)["model"]:
        sentences.append(f"Not defined ({reason}): {', '.join(models)}.")
    return sentences


def _lead_of_imported(frame: pd.DataFrame) -> list[str]:
    """The effects as they were given: what noise does to their correlation is not known."""
    known = frame.dropna(subset=["corr"]).sort_values("corr", kind="stable")
    sentences = [
        "The two effects are correlated over all heads of each model, as the table has them. What"
        " their noise adds to the correlation, or takes from it, cannot be told."
    ]
    if len(known):
        ends = known.iloc[[0, -1]].drop_duplicates("model").to_dict("records")
        named = " to ".join(f"{number(row['corr'])} in {row['model']}" for row in ends)
        sentences.append(f"Pearson's correlation is {named}, without an interval.")
    return [*sentences, *_permuted(frame)]


def _permuted(frame: pd.DataFrame) -> list[str]:
    p = frame["p"].dropna()
    if p.empty:
        return []
    return [
        "With heads permuted within their layers a correlation is found in"
        f" {beyond_chance(p, pd.Series(q_values(p.to_numpy())))}."
    ]


def _correlations(frame: pd.DataFrame, suspect: set[str], context: ReportContext) -> Table:
    rows = []
    for row, ability in zip(frame.to_dict("records"), both_abilities(frame), strict=True):
        size = as_float(row["params_m"])
        bounds = interval(row["corr_true_low"], row["corr_true_high"])
        sampled = interval(row["corr_sample_low"], row["corr_sample_high"])
        rows.append(
            (
                model_cell(row["model"], suspect, context.marked(ability)),
                number_cell(size, 2 if size < 10 else 0),
                number_cell(row["corr_true"], note=bounds),
                Cell(sampled or MISSING, numeric=True),
                number_cell(row["corr"]),
                number_cell(row["spearman"]),
                number_cell(row["ceiling"]),
                number_cell(row["p"], 4),
                number_cell(row["minimal_detectable"]),
                count_cell(row["n_heads_compared"]),
                number_cell(row["n_heads_effective"], 1),
                Cell(share(row["frac_resolved"]), numeric=True),
            )
        )
    names = ["model", "parameters (M)", "correlation of true effects", "heads as a sample"]
    names += ["Pearson", "Spearman"]
    names += ["ceiling", "p", "detectable", "heads", "effective", "resolved"]
    of_effects = (
        "Correlation over all heads, with its 95 % interval over prompts; the interval of the same"
        " where heads, clustered by layer, are a sample, which is conservative (docs/coverage.md)."
        " Ceiling: the observed correlation of true effects that agree perfectly. Detectable: the"
        " smallest true correlation of these heads that would be found 8 times in 10."
    )
    caption = (
        f"{'Correlation over all heads.' if context.imported else of_effects} p: of a correlation"
        " of 0, heads permuted within layers. Effective: how many heads of equal effects would"
        " share the variance as evenly."
    )
    return Table(names, rows, caption)


def _trend_sentences(frame: pd.DataFrame, measure: str) -> list[str]:
    """Whether the correlation, of true effects (``corr_true``) or as given, changes with size."""
    slopes = frame[frame["measure"] == measure].dropna(subset=["slope"])
    if slopes.empty:
        return [
            "No family has three models or more with a defined correlation, so that no line"
            " against size can be drawn."
        ]
    few = slopes[slopes["n_models"] <= 4]
    sentences = []
    if len(few):
        widths = few["high"] - few["low"]
        sentences.append(
            f"Lines through three or four models say little: their intervals are"
            f" {number(widths.min(), 1)} to {number(widths.max(), 1)} wide, per tenfold size, where"
            " a correlation can change by 2 at most."
            if len(few) > 1
            else f"A line through {few['n_models'].iloc[0]} models says little: its interval is"
            f" {number(widths.iloc[0], 1)} wide, per tenfold size, where a correlation can change"
            " by 2 at most."
        )
    clear = slopes[(slopes["low"] > 0) | (slopes["high"] < 0)]
    names = ", ".join(family_name(family) for family in clear["family"])
    sentences.append(
        f"The slope of the correlation differs from 0 for: {names}; of"
        f" {counted(len(slopes), 'slope')}, {by_chance(len(slopes))} would by chance."
        if names
        else "Not shown: that the correlation changes with size; every interval of a slope holds 0."
    )
    return sentences


def _trends(frame: pd.DataFrame) -> Table:
    rows = []
    for row in frame.to_dict("records"):
        rows.append(
            (
                text_cell(family_name(row["family"])),
                text_cell(_MEASURES.get(row["measure"], row["measure"])),
                count_cell(row["n_models"]),
                count_cell(row["n_left_out"]),
                number_cell(row["slope"], note=interval(row["low"], row["high"])),
            )
        )
    names = ["family", "measure", "models", "left out", "slope per tenfold size"]
    caption = (
        "Straight lines against log parameters, with 95 % t intervals. Left out: models that are"
        " not competent, or lack a size or the measure."
    )
    return Table(names, rows, caption, folded=True)


def _depths(frame: pd.DataFrame, suspect: set[str], context: ReportContext) -> Table:
    means = frame.drop_duplicates(["model", "category"]).set_index(["model", "category"])
    rows = []
    for model in frame["model"].drop_duplicates():
        cells = []
        for category in CATEGORIES:
            row = means.loc[(model, category)]
            bounds = interval(row["mean_depth_low"], row["mean_depth_high"])
            cells.append(number_cell(row["mean_depth"], note=bounds))
        rows.append((model_cell(model, suspect), *cells))
    names = ["model", *(look.label for look in CATEGORIES.values())]
    bounds = "" if context.imported else ", with its 95 % interval"
    caption = (
        f"Mean relative depth of the heads of each category{bounds}: near 0 in the first layer,"
        " near 1 in the last."
    )
    return Table(names, rows, caption, folded=True)


def _control_sentences(frame: pd.DataFrame) -> list[str]:
    tested = frame.dropna(subset=["n_significant"])
    judged = tested[tested["order_balanced"]]
    if judged.empty:
        return []
    sentences = ["Control models learnt one task only, and random answers on the other."]
    beyond = judged[judged["n_significant"] > 0]
    if beyond.empty:
        sentences.append(
            f"None of them shows a head of the other job: {_heads_found(judged)} with q below"
            f" {ALPHA:g}."
        )
    else:
        sentences.append(
            f"Heads of the other job (q below {ALPHA:g}) show in {_heads_found(beyond)}."
        )
    sentences.append(
        "How often a model in which no head has an effect shows one by chance is simulated in"
        " docs/coverage.md."
    )
    ordered = tested[~tested["order_balanced"] & (tested["n_significant"] > 0)]
    if len(ordered):
        sentences.append(
            "Where the answer is always the second name, heads that only follow the order of the"
            f" names show as well: {_heads_found(ordered)}. They are not heads of the job: they"
            " cancel where either name is repeated."
        )
    return sentences


def _heads_found(frame: pd.DataFrame) -> str:
    return ", ".join(
        f"{row['model']} on {task_name(row['task'])}: {row['n_significant']:.0f} of"
        f" {row['n_heads_total']} heads"
        for row in frame.to_dict("records")
    )


def _controls(frame: pd.DataFrame) -> Table:
    rows = []
    for row in frame.to_dict("records"):
        able = row["competent"]
        rows.append(
            (
                model_cell(row["model"]),
                text_cell(task_name(row["task"])),
                text_cell("yes" if row["order_balanced"] else "no"),
                number_cell(row["clean_metric"], note=interval(row["low"], row["high"])),
                text_cell(MISSING if pd.isna(able) else "yes" if able else "no"),
                count_cell(row["n_significant"]),
                count_cell(row["n_strong"]),
                number_cell(row["strongest"], 3),
                count_cell(row["n_heads_total"]),
            )
        )
    names = ["model", "prompts", "order of names balanced", "clean metric", "competent"]
    names += ["q below 0.05", "at or above τ", "largest |Δ|", "heads"]
    return Table(names, rows, "One-objective controls on the task that they never learnt.")


CHAPTER = Chapter(
    anchor="scaling",
    title="How it changes with scale",
    pipeline="scaling",
    tables=("corr_vs_scale",),
    also=_FURTHER,
    figures=("corr_vs_scale_cross_family", "strong_head_scaling"),
    tell=_tell,
)
