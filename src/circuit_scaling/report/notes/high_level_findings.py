"""``high_level_findings.md``: correlation, head counts, phase space, layers, heroes to study."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from circuit_scaling.figures.style import CATEGORIES, number
from circuit_scaling.report.blocks import as_float, head_name, rows_of, share
from circuit_scaling.report.chapters.causal import likeness
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.first_screen import about_heads, warning
from circuit_scaling.report.found import circuits
from circuit_scaling.report.notes.heroes import first_heroes
from circuit_scaling.report.notes.layers import order_of_categories, where_categories_lie
from circuit_scaling.report.notes.markdown import bullets, document, nested, plain, use
from circuit_scaling.report.notes.words import (
    bounded,
    chapter,
    families,
    model_name,
    no_intervals,
    not_run,
    size,
    told,
)
from circuit_scaling.vocabulary import STRONG_CATEGORIES, counted

TABLES = (
    *("classified_heads", "competence", "corr_vs_scale", "scale_trend", "strong_head_scaling"),
    *("layer_profile", "hero_heads", "causal_summary", "hero_similarity", "ablation_summary"),
)


def write(context: ReportContext) -> str:
    """The note: a chapter each for the five things that are looked at in all models."""
    parts = (
        ("1. Effects on IOI and on anti-repetition, together", ("corr_vs_scale",), _correlation),
        ("2. How many heads are strong, and with scale", ("strong_head_scaling",), _counts),
        ("3. Phase space: the two effects of every head", ("classified_heads",), _phase_space),
        ("4. Layers: where the categories lie", ("classified_heads", "layer_profile"), _layers),
        ("5. Hero heads, and what was done with them", ("hero_heads",), _heroes),
    )
    chapters = (chapter(context, *part) for part in parts)
    opening = [*map(plain, [warning(context), *about_heads(context)]), no_intervals(context)]
    return document("# High-level findings", *opening, *chapters)


def _correlations(context: ReportContext) -> str:
    """Family by family, the correlation of the two effects in each model, with its slope."""
    items = []
    for family, rows in families(context.tables["corr_vs_scale"], context):
        below = [f"{_sized(context, row)}: {_correlated(context, row)}" for row in rows_of(rows)]
        below += _slope(context, rows, "corr_true", "corr")
        items.append(nested(f"**{family}**", below))
    return bullets(items)


def _strong_counts(context: ReportContext) -> str:
    """Family by family, how many heads are strong on either task at τ, with the slope."""
    strong = context.tables["strong_head_scaling"]
    items = []
    for family, rows in families(strong[strong["tau"] == context.tau], context):
        below = [f"{_sized(context, row)}: {_strong(row)}" for row in rows_of(rows)]
        below += _slope(context, rows, "frac_strong_true", "frac_strong")
        heads, n_strong = int(rows["n_heads_total"].sum()), int(rows["n_strong"].sum())
        total = f"{n_strong:,} of {counted(heads, 'head')} are strong ({share(n_strong / heads)})"
        items.append(nested(f"**{family}**: {total}", below))
    return bullets(items)


def _correlation(context: ReportContext) -> Iterator[str]:
    yield _correlations(context)
    so = (circuits.tasks_share_heads(context), circuits.sharing_changes_with_size(context))
    yield bullets(filter(None, map(told, so)))
    yield use(["corr_vs_scale_cross_family"], ["corr_vs_scale_cross_family"])


def _counts(context: ReportContext) -> Iterator[str]:
    yield (
        f"Strong is a head with |Δ_ioi| or |Δ_anti| of at least τ = {context.tau:g}; noise makes"
        " some heads look strong."
    )
    yield _strong_counts(context)
    yield bullets(filter(None, [told(circuits.strong_heads_change_with_size(context))]))
    yield use(["strong_head_scaling", "layer_hist_*"], ["head_category_summary"])


def _sized(context: ReportContext, row: Any) -> str:
    millions = size(row.params_m)
    name = model_name(context, row.model)
    return f"{name}, {millions}" if millions else name


def _correlated(context: ReportContext, row: Any) -> str:
    """The correlation without noise where there is one, and Pearson's."""
    pearson = f"Pearson {number(as_float(row.corr))}"
    if context.imported:
        return pearson
    if pd.isna(row.corr_true):
        why = f"not defined without noise ({plain(row.undefined)}); " if row.undefined else ""
        return f"{why}{pearson}"
    true = min(1.0, max(-1.0, row.corr_true))
    return f"{bounded(true, row.corr_true_low, row.corr_true_high)} without noise; {pearson}"


def _strong(row: Any) -> str:
    seen = f"{row.n_strong} of {row.n_heads_total} ({share(row.frac_strong)})"
    if pd.isna(row.frac_strong_true):
        return seen
    parts = (row.frac_strong_true, row.frac_strong_low, row.frac_strong_high)
    return f"{seen}; share without noise {bounded(*parts)}"


def _slope(context: ReportContext, rows: pd.DataFrame, *measures: str) -> list[str]:
    """The slope of the first of these measures that has an interval in the family."""
    trends = context.tables.get("scale_trend")
    if trends is None or len(rows) < 2:
        return []
    of_family = trends[trends["family"] == rows["family"].iloc[0]]
    known = of_family.dropna(subset=["slope", "low", "high"]).set_index("measure")
    measure = next((name for name in measures if name in known.index), None)
    if measure is None:
        return ["no line against size: fewer than three models that count"]
    row = known.loc[measure]
    off = "off 0" if row["low"] > 0 or row["high"] < 0 else "a change with size is not shown"
    seen = "" if measure == measures[0] else ", as seen"
    words = bounded(row["slope"], row["low"], row["high"])
    return [f"slope per tenfold size{seen}: {words} over {row['n_models']} models; {off}"]


def categories_found(context: ReportContext) -> Iterator[str]:
    """Shares of the categories in one sentence, and how many of them are settled in another."""
    heads = context.tables["classified_heads"]
    measured = heads.dropna(subset=["delta_ioi", "delta_anti_names"])
    if len(measured):
        parts = [
            f"{share((measured['category'] == name).mean(), 1)} {look.label}"
            for name, look in CATEGORIES.items()
        ]
        yield f"Of {counted(len(measured), 'head')} are {', '.join(parts)}."
    resolved = measured["resolved"].dropna()
    if len(resolved):
        yield (
            f"The category is settled, with no interval over ±τ, for"
            f" {int(resolved.astype(bool).sum()):,} of {counted(len(resolved), 'head')}."
        )


def _parts_of_space(context: ReportContext) -> Iterator[str]:
    """How many heads lie in each part of the phase space, and where each family lies."""
    heads = context.tables["classified_heads"]
    measured = heads.dropna(subset=["delta_ioi", "delta_anti_names"])
    if measured.empty:
        yield "No head has both effects."
        return
    total = f"{counted(len(measured), 'head')} of {counted(measured['model'].nunique(), 'model')}"
    below = [
        f"{look.label}: {_of_category(measured[measured['category'] == name], len(measured))}"
        for name, look in CATEGORIES.items()
    ]
    below[list(CATEGORIES).index("shared")] += _signs(measured[measured["category"] == "shared"])
    yield bullets([nested(f"Of {total}, at τ = {context.tau:g}:", below)])
    yield from list(categories_found(context))[1:]
    yield bullets(
        f"**{family}**: {_of_family(context, rows)}" for family, rows in families(heads, context)
    )


def _of_category(rows: pd.DataFrame, n_heads: int) -> str:
    return f"{len(rows):,} ({share(len(rows) / n_heads, 1)})"


def _signs(shared: pd.DataFrame) -> str:
    """Which way shared heads lie: negative is helping."""
    if shared.empty:
        return ""
    ioi, anti = shared["delta_ioi"] > 0, shared["delta_anti_names"] > 0
    return (
        f"; both effects negative in {int((~ioi & ~anti).sum()):,}, both positive in"
        f" {int((ioi & anti).sum()):,}, of opposite sign in {int((ioi != anti).sum()):,}"
    )


def _of_family(context: ReportContext, rows: pd.DataFrame) -> str:
    shares = ", ".join(
        f"{share((rows['category'] == name).mean())} {CATEGORIES[name].label}"
        for name in STRONG_CATEGORIES
    )
    within = (number(rows[name].abs().median()) for name in ("delta_ioi", "delta_anti_names"))
    top = rows.sort_values("strength", ascending=False, kind="stable").iloc[0]
    return (
        f"{shares} of {counted(len(rows), 'head')}; half of them lie within"
        f" {' on IOI and '.join(f'±{word}' for word in within)} on anti-repetition; the strongest"
        f" is {head_name(top['layer'], top['head'])} of {model_name(context, top['model'])}"
        f" ({number(top['delta_ioi'])} and {number(top['delta_anti_names'])})"
    )


def _phase_space(context: ReportContext) -> Iterator[str]:
    yield from _parts_of_space(context)
    frame = context.tables.get("corr_vs_scale")
    effective = None if frame is None else frame.dropna(subset=["n_heads_effective"])
    if effective is not None and len(effective):
        ranked = effective.sort_values("n_heads_effective", kind="stable")
        ends = rows_of(ranked.iloc[[0, -1]].drop_duplicates("model"))
        named = [
            f"{number(row.n_heads_effective, 1)} of {row.n_heads_compared} in {plain(row.model)}"
            for row in ends
        ]
        yield (
            "The variance of a model's effects is as concentrated as if so few heads of equal"
            f" effects had all of it: {' to '.join(named)}."
        )
    yield use(["all_heads_phase_space", "family_grid"], ["joint_ioi_anti_repeat_all"])


def _layers(context: ReportContext) -> Iterator[str]:
    yield (
        "Heads of each category, at their mean depth (0 in the first layer, 1 in the last), with"
        " the layers that have most of them:"
    )
    yield where_categories_lie(context)
    yield bullets([told(order_of_categories(context))])
    yield use(["layer_hist_*"])


def _heroes(context: ReportContext) -> Iterator[str]:
    yield "First hero of each category, with its effects on IOI and on anti-repetition:"
    yield first_heroes(context)
    yield "What was done with them:"
    similarity = context.tables.get("hero_similarity")
    alike = [] if similarity is None else [plain(sentence) for sentence in likeness(similarity)]
    lines = [
        not_run(context, "ablation_summary") or told(circuits.heroes_matter_together(context)),
        not_run(context, "causal_summary") or told(circuits.shared_heads_do_both(context)),
        *(alike if "causal_summary" in context.tables else []),
    ]
    yield bullets(dict.fromkeys(filter(None, lines)))
    figures = ["ablation_overview", "causal_ioi", "causal_anti"]
    yield use([] if context.imported else figures, ["hero_heads_for_paper"])
