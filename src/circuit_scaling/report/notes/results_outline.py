"""``results_outline.md``: the outline of a paper, filled with what this run says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from circuit_scaling.figures.style import CATEGORIES
from circuit_scaling.report.blocks import listed, rows_of, share
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.first_screen import about_heads, warning
from circuit_scaling.report.found import Finding, caveats, circuits, found_about_circuits
from circuit_scaling.report.notes.high_level_findings import categories_found
from circuit_scaling.report.notes.layers import order_of_categories
from circuit_scaling.report.notes.markdown import (
    bullets,
    document,
    labelled,
    plain,
    table,
    table_link,
    use,
)
from circuit_scaling.report.notes.words import (
    chapter,
    families,
    no_intervals,
    not_run,
    shown_and_open,
    size,
    task_label,
    told,
)
from circuit_scaling.tables.made_with import made_with
from circuit_scaling.vocabulary import POSITION_WORDS, STUDY_TASKS, counted

TABLES = (
    *("classified_heads", "competence", "corr_vs_scale", "scale_trend", "strong_head_scaling"),
    *("layer_profile", "hero_heads", "head_category_summary", "category_sensitivity"),
    *("transfer_summary", "head_matching", "causal_summary", "ablation_summary"),
    *("ablation_agreement", "prompts_needed"),
)
_OF_TABLES = ("classified_heads", "corr_vs_scale", "transfer_summary")
_OF_SCANS = ("competence", *_OF_TABLES, "causal_summary", "ablation_summary")


def write(context: ReportContext) -> str:
    """The note: the parts of a paper in order."""
    return document(
        "# Outline of the results",
        plain(warning(context)),
        *_introduction(context),
        *_background(context),
        *_methods(context),
        *_results(context),
        *_discussion(context),
        *_limits(context),
        *_appendix(context),
    )


def _introduction(context: ReportContext) -> Iterator[str]:
    yield "## 1. Introduction"
    yield (
        "Circuits for indirect object identification (IOI) and for not repeating a name were found"
        " one by one, in single models. Whether one model has both in the same heads, and how that"
        " changes with size and family, is asked here of all heads of all models."
    )
    yield "Questions:"
    yield bullets(
        [
            "How do the jobs fall on the heads of a model?",
            "How does that change with size and architecture?",
            "Do some heads do both jobs, and do they do them themselves?",
        ]
    )
    yield labelled("What this run contributes:", _contributions(context))


def _contributions(context: ReportContext) -> list[str]:
    """What was measured, then what was shown; nothing that was not."""
    shown = [finding.claim for finding in found_about_circuits(context) if finding.shown]
    told = [plain(sentence) for sentence in (*about_heads(context)[:1], *shown)]
    return told or ["Nothing has been measured yet."]


def _background(context: ReportContext) -> Iterator[str]:
    yield "## 2. Background"
    yield bullets(
        [
            "IOI and its circuit in GPT-2 small; heads known from the literature are looked up in"
            " `tables/known_heads.csv`.",
            "Anti-repetition: heads that keep a model from saying again what was said.",
            "Circuits against scale: one measure for every head of every model.",
        ]
    )
    heads = context.tables.get("classified_heads")
    lacking = not_run(context, "classified_heads")
    if lacking or heads is None:
        yield f"The models: {lacking}"
        return
    once = heads.drop_duplicates("model")
    yield "The models:"
    yield bullets(
        f"**{family}**: {'; '.join(_shape(row) for row in rows_of(rows))}"
        for family, rows in families(once, context)
    )


def _shape(row: Any) -> str:
    parts = [size(row.params_m)]
    if not pd.isna(row.n_layers):
        parts.append(f"{row.n_layers:.0f} × {row.n_heads:.0f} heads")
    known = ", ".join(filter(None, parts))
    return f"{plain(row.model)}{f' ({known})' if known else ''}"


def _methods(context: ReportContext) -> Iterator[str]:
    yield "## 3. Methods"
    yield document("### 3.1 Tasks and measures", *_tasks(context))
    yield document("### 3.2 Models and ablation", *_ablation(context))
    yield document("### 3.3 Effects and categories of heads", *_categories(context))


def _tasks(context: ReportContext) -> Iterator[str]:
    if context.imported:
        yield (
            "The imported table has an effect of every head on IOI and one on anti-repetition, Δ;"
            " prompts and measure are those of whoever made it. Negative is taken to mean that the"
            " head helps."
        )
        return
    yield bullets(
        [
            "**IOI**: two names, one of them said again; the right answer is the other one.",
            "**Anti-repetition**: a name is said again, either one equally often; the right answer"
            " is the name that is not.",
            "**Δ** of a head on a task: the mean over prompts of the contrast (logit of the right"
            " answer minus that of the wrong one) without the head, minus that with it. Negative:"
            " the head helps.",
        ]
    )
    yield from map(plain, about_heads(context)[1:])
    competence = context.tables.get("competence")
    if competence is None or competence.empty:
        yield not_run(context, "competence")
        return
    tasks = competence[competence["task"].isin(STUDY_TASKS)]
    prompts = tasks.groupby("task", sort=False)[["n_prompts", "n_clusters"]].median()
    parts = [
        f"{task_label(task)} {counted(int(row['n_prompts']), 'prompt')} of"
        f" {counted(int(row['n_clusters']), 'pair')} of names"
        for task, row in prompts.iterrows()
    ]
    yield f"Per model: {listed(parts)}. A pair of names is one observation."


def _ablation(context: ReportContext) -> Iterator[str]:
    if context.imported:
        yield "The effects were imported; how they were measured is not told by the table."
        return
    heads = context.tables.get("classified_heads")
    if heads is None:
        yield not_run(context, "classified_heads")
        return
    settings = made_with(heads)
    ways = ""
    if "scan.ablations" in settings:
        where = listed([POSITION_WORDS[name] for name in settings.get("scan.positions", ())])
        ways = f" Measured are {listed(settings['scan.ablations'])} ablation at {where}."
    yield f"Every head alone is ablated. The effects here are of {context.primary_words}.{ways}"


def _categories(context: ReportContext) -> Iterator[str]:
    sensitivity = context.tables.get("category_sensitivity")
    taus = [] if sensitivity is None else sorted(sensitivity["tau"].unique())
    others = [f"{tau:g}" for tau in taus if tau != context.tau]
    more = f"; {listed(others)} for comparison" if others else ""
    yield bullets(
        [
            f"Strong on a task: |Δ| of at least τ = {context.tau:g}{more}.",
            "IOI only, anti-repetition only: strong on one; shared: on both; weak: on neither.",
            "Hero heads: the strongest of a category, chosen on one half of the names."
            if not context.imported
            else "Hero heads: the strongest of a category.",
        ]
    )


def _results(context: ReportContext) -> Iterator[str]:
    yield "## 4. Results"
    parts = (
        ("4.1 Correlation of the two effects across scale", ("corr_vs_scale",), _correlation),
        ("4.2 Strong heads across scale", ("strong_head_scaling",), _strong),
        ("4.3 Phase space of the heads", ("classified_heads",), _space),
        ("4.4 Layers", ("classified_heads", "layer_profile"), _layers),
        ("4.5 Hero heads (case studies)", ("hero_heads",), _heroes),
        ("4.6 Transfer between models", ("transfer_summary", "head_matching"), _transfer),
    )
    for title, needs, tell in parts:
        yield chapter(context, title, needs, tell, level=3)


def _story(*findings: Finding | None) -> str:
    lines = [told(finding) for finding in findings if finding is not None]
    return labelled("Story:", lines)


def _correlation(context: ReportContext) -> Iterator[str]:
    yield use(["corr_vs_scale_cross_family"], ["corr_vs_scale_cross_family"])
    yield _story(circuits.tasks_share_heads(context), circuits.sharing_changes_with_size(context))


def _strong(context: ReportContext) -> Iterator[str]:
    yield use(["strong_head_scaling", "layer_hist_*"], ["head_category_summary"])
    yield _story(circuits.strong_heads_change_with_size(context))


def _space(context: ReportContext) -> Iterator[str]:
    yield use(["all_heads_phase_space", "family_grid"], ["joint_ioi_anti_repeat_all"])
    shares = " ".join(categories_found(context))
    yield labelled("Story:", filter(None, [shares, told(circuits.single_heads_matter(context))]))


def _layers(context: ReportContext) -> Iterator[str]:
    yield use(["layer_hist_*"])
    yield _story(order_of_categories(context))


def _heroes(context: ReportContext) -> Iterator[str]:
    figures = ["causal_ioi", "causal_anti", "ablation_overview"]
    yield use([] if context.imported else figures, ["hero_heads_for_paper"])
    yield "Case studies: [`hero_heads.md`](hero_heads.md)."
    yield _story(circuits.heroes_matter_together(context), circuits.shared_heads_do_both(context))
    missing = (not_run(context, name) for name in ("causal_summary", "ablation_summary"))
    yield from dict.fromkeys(missing)


def _transfer(context: ReportContext) -> Iterator[str]:
    yield use(["ioi_transfer_summary"], ["ioi_transfer_generic"])
    yield _story(circuits.index_carries_over(context), circuits.function_carries_over(context))


def _discussion(context: ReportContext) -> Iterator[str]:
    """What is shown, and what is not."""
    yield "## 5. Discussion"
    found = found_about_circuits(context)
    if not found:
        yield "Nothing was found yet."
        return
    yield from shown_and_open(found)


def _limits(context: ReportContext) -> Iterator[str]:
    yield "## 6. Limitations and what comes next"
    limits = [plain(caveat) for caveat in caveats(context)]
    if context.imported:
        limits.append(no_intervals(context))
    else:
        limits.append(
            "Heads are ablated one at a time: heads that stand in for one another are missed."
        )
    limits += _unresolved(context)
    yield bullets(limits)
    needs = _OF_TABLES if context.imported else _OF_SCANS
    steps = dict.fromkeys(filter(None, (not_run(context, name) for name in needs)))
    commands = [step.removeprefix("Not run: ") for step in steps]
    yield labelled("To do:", [*commands, *_more_prompts(context)])


def _unresolved(context: ReportContext) -> list[str]:
    """Models in which few heads have a category that is settled."""
    summary = context.tables.get("head_category_summary")
    if summary is None or summary["frac_resolved"].dropna().empty:
        return []
    known = summary.dropna(subset=["frac_resolved"]).sort_values("frac_resolved", kind="stable")
    ends = rows_of(known.iloc[[0, -1]].drop_duplicates("model"))
    named = " to ".join(f"{share(row.frac_resolved)} in {plain(row.model)}" for row in ends)
    return [f"The share of heads whose category is settled goes from {named}."]


def _more_prompts(context: ReportContext) -> list[str]:
    """How many prompts would settle half of the heads, where fewer than half are settled."""
    needed = context.tables.get("prompts_needed")
    if needed is None:
        return []
    short = needed[(needed["task"] == "both") & (needed["frac_resolved"] < 0.5)]
    short = short.dropna(subset=["prompts_50"])
    if short.empty:
        return []
    named = [f"{row.prompts_50:,.0f} in {plain(row.model)}" for row in rows_of(short)]
    return [f"Prompts per task that would settle half of the heads: {listed(named)}."]


def _appendix(context: ReportContext) -> Iterator[str]:
    yield "## 7. Appendix"
    yield bullets(
        [
            "Prompts: `src/circuit_scaling/prompts/tasks.yml`.",
            f"Every head: {table_link('joint_ioi_anti_repeat_all')}.",
            "How heads are ablated and traced: `docs/method.md`; the engine: `docs/design.md`.",
        ]
    )
    sensitivity = context.tables.get("category_sensitivity")
    if sensitivity is not None and len(sensitivity):
        yield "Heads of each category at other thresholds, all models together:"
        yield _at_taus(sensitivity)
    facts = [f"version {context.project_version}"] if context.project_version else []
    if context.commits:
        commits = "commit" if len(context.commits) == 1 else "commits"
        facts.append(f"{commits} {listed(list(context.commits))}")
    if facts:
        yield plain(f"Made with {', '.join(facts)}.")


def _at_taus(sensitivity: pd.DataFrame) -> str:
    counts = sensitivity[sensitivity["basis"] == "delta"]
    names = [f"n_{name}" for name in CATEGORIES]
    sums = counts.groupby("tau")[names].sum()
    return table(
        ["τ", *(look.label for look in CATEGORIES.values())],
        [(f"{tau:g}", *(f"{int(row[name]):,}" for name in names)) for tau, row in sums.iterrows()],
    )
