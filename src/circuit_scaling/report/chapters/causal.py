"""The chapter on causal tracing: what the hero heads carry, and whether they do it themselves."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from circuit_scaling.figures.style import CATEGORIES, abilities, number
from circuit_scaling.prompts.spec import corrupt_of
from circuit_scaling.report.blocks import (
    Block,
    Cell,
    Table,
    arrange,
    as_float,
    category_cell,
    count_cell,
    counted,
    drawing,
    head_name,
    interval,
    number_cell,
    share,
    task_name,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.counting import able_rows
from circuit_scaling.tables.causal import VERDICTS
from circuit_scaling.tables.made_with import made_with
from circuit_scaling.vocabulary import ALPHA, STUDY_TASKS

_DIRECTIONS = ("denoising", "noising")
_NO_INTERVALS = "there are no intervals, for lack of clusters of prompts"


def _tell(context: ReportContext) -> Told:
    """Verdicts, both directions of patching, self-repair, pairs of heroes and their likeness."""
    summary, pairs = context.tables["causal_summary"], context.tables["hero_pairs"]
    similarity = context.tables["hero_similarity"]
    if summary.empty:
        return Told(("No model has hero heads that could be traced.",))
    rows = arrange(summary, context.order)
    able = able_rows(rows)
    blocks: list[Block] = [_verdict_table(able)]
    for name, task in (("causal_ioi", "ioi"), ("causal_anti", "anti_names")):
        caption = (
            f"{task_name(task)}: influence of each hero under patching, as a share of what the"
            " clean and the corrupt run differ by, against its strength under ablation."
        )
        blocks += drawing(context.figures, name, caption)
    if len(similarity):
        blocks.append(_similarity_table(similarity))
    unsure = context.unsure_heroes
    blocks += [
        _heroes_table(str(model), of, unsure) for model, of in rows.groupby("model", sort=False)
    ]
    sentences = (
        *_introduction(rows, able),
        *_own_texts(context),
        *_who_does_it(able, context.unsure_heroes),
        *_directions(able),
        *_repair(able),
        *_pairs(pairs, able),
        *likeness(similarity),
        *_unresolved(able),
    )
    return Told(sentences, tuple(blocks))


def _introduction(rows: pd.DataFrame, able: pd.DataFrame) -> Iterator[str]:
    yield (
        "Each hero's output is taken from a clean prompt and put into its corrupt version, in which"
        " one name stands in place of the other (denoising), and the other way round (noising)."
        " What then reaches the logits by each path alone gives the verdict: a"
        " hero does the task itself where its path to the logits carries a share of its total"
        " effect, and routes where later heads do."
    )
    if len(able) < len(rows):
        yield (
            f"Left out of the counts: {len(rows) - len(able)} of {len(rows)} heads and tasks, of"
            " models that cannot do the task."
        )
    unknown = int((abilities(rows[["competent"]]) == "unknown").sum())
    if unknown:
        yield (
            f"For {unknown} of {len(rows)} heads and tasks it is not known whether the model can do"
            " the task; they are counted."
        )


def _own_texts(context: ReportContext) -> Iterator[str]:
    """Which tasks were traced between the texts that came with them."""
    prompts = context.tables.get("joint_prompts")
    there = set() if prompts is None else set(prompts["task"])
    settings = made_with(context.tables["causal_summary"])
    for column in STUDY_TASKS:
        task = settings.get(f"join.{column}", column)
        if corrupt_of(task) in there:
            yield (
                f"{task_name(column)} is here the task {task}, whose prompts came with corrupt"
                " texts of their own: no name was replaced in them."
            )


def _who_does_it(able: pd.DataFrame, marked: Mapping[tuple[str, int, int], str]) -> Iterator[str]:
    """The question of the study: both jobs by the same head, or a hub that routes."""
    shared = able[able["category"] == "shared"]
    wide = shared.pivot(index=["model", "layer", "head"], columns="task", values="verdict")
    wide = wide.dropna() if wide.shape[1] == 2 else wide.head(0)
    if wide.empty:
        yield "No shared head was traced on both tasks."
        return
    first, second = (wide[task] for task in wide)
    both = [int(((first == what) & (second == what)).sum()) for what in VERDICTS[:2]]
    open_ = int(((first == "unclear") | (second == "unclear")).sum())
    other = len(wide) - sum(both) - open_
    unsure = sum((model, layer, head) in marked for model, layer, head in wide.index)
    yield (
        f"{counted(len(wide), 'shared head')} among the heroes"
        f"{f' ({unsure} of them with an unsure category)' if unsure else ''}:"
        f" {both[0] or 'none'} of them both times on their own (does it itself),"
        f" {both[1] or 'none'} both times through later heads (routes),"
        f" {other or 'none'} in different ways; for {open_ or 'none'} at least one of the two jobs"
        " is unclear."
    )


def _directions(able: pd.DataFrame) -> Iterator[str]:
    columns = [f"{direction}_normalised" for direction in _DIRECTIONS]
    for task, rows in able.dropna(subset=columns).groupby("task", sort=False):
        if len(rows) < 3:
            continue
        if np.allclose(rows[columns[0]], rows[columns[1]], rtol=1e-3, atol=1e-4):
            yield (
                f"On {task_name(task)}, denoising and noising are one measurement seen from both"
                " sides: the corrupt version of every prompt is a prompt of the task as well."
            )
            continue
        rho = as_float(rows[columns].rank().corr().iloc[0, 1])
        a, b = (_off_zero(rows, name) for name in columns)
        intervals = (
            f"{int((a & b).sum())} have an influence in both, {int((a & ~b).sum())} only in"
            f" denoising and {int((~a & b).sum())} only in noising (intervals off 0)"
        )
        yield (
            f"On {task_name(task)}, denoising and noising rank {len(rows)} heads with a Spearman"
            f" correlation of {number(rho)};"
            f" {intervals if _has_intervals(rows, *columns) else _NO_INTERVALS}."
        )


def _has_intervals(rows: pd.DataFrame, *names: str) -> bool:
    """Whether any of these has an interval; of too few clusters none has."""
    return bool(rows[[f"{name}_low" for name in names]].notna().any(axis=None))


def _off_zero(rows: pd.DataFrame, name: str) -> pd.Series:
    return (rows[f"{name}_low"] > 0) | (rows[f"{name}_high"] < 0)


def _repair(able: pd.DataFrame) -> Iterator[str]:
    repaired = able.dropna(subset=["noising_self_repair"])
    direct = int(_off_zero(able, "noising_direct").sum())
    if not direct:
        return
    if repaired.empty:
        yield f"Nothing is undone of the {direct} direct effects that differ from 0."
        return
    yield (
        f"Of {direct} direct effects that differ from 0, the rest of the model (MLPs, later heads,"
        f" the scale of the final norm) undoes a part in {len(repaired)}: at the median"
        f" {share(repaired['noising_self_repair'].median())} of it, which single-head ablation does"
        " not see."
    )


def _pairs(pairs: pd.DataFrame, able: pd.DataFrame) -> Iterator[str]:
    """What losing two heads says beside losing each, of heads that work in one direction."""
    competent = pd.MultiIndex.from_frame(able[["model", "task"]])
    known = pd.MultiIndex.from_frame(pairs[["model", "task"]]).isin(competent)
    alike = known & (pairs["direction"] == "noising") & (pairs["effect_a"] * pairs["effect_b"] > 0)
    noising = pairs[alike]
    if noising.empty:
        return
    if not _has_intervals(noising, "interaction"):
        yield f"Whether pairs of heroes do more together than alone is open: {_NO_INTERVALS}."
        return
    apart = noising["interaction"] * noising["sum"] > 0
    for which, does, meaning in (
        (apart, "more", "each can stand in for the other"),
        (~apart, "less", "they need each other"),
    ):
        q = noising["q"].where(which)
        p = noising["p"].where(which, 1.0)  # of the same tests, found in this direction
        found = int((q < ALPHA).sum())
        half = number(ALPHA / 2 * noising["p"].notna().sum(), 1)
        yield (
            f"Of {counted(len(noising), 'pair')} of heroes with effects of one sign on a task,"
            f" {int((p < ALPHA).sum()) or 'none'} lose {does} together than the sum of the two"
            f" (noising, p < {ALPHA:g}; by chance {half}), and {found or 'none'} after correction"
            + (f" (q < {ALPHA:g}): there {meaning}." if found else f" (q < {ALPHA:g}).")
        )


def likeness(similarity: pd.DataFrame) -> Iterator[str]:
    """Whether late shared heads of different families are alike."""
    rows = similarity[(similarity["group"] == "late shared") & similarity["p"].notna()]
    overall = rows[(rows["scope"] == "across families") & (rows["family_a"] == "all families")]
    if overall.empty:
        yield "Whether late shared heads of different families are alike cannot be said."
        return
    row = overall.iloc[0]
    alike = "more alike than" if row["p"] < ALPHA else "not shown to be more alike than"
    yield (
        f"Late shared heads of different families are {alike} random heads of the same layers:"
        f" their profiles have a mean cosine of {number(row['similarity'])}, chance gives"
        f" {number(row['expected'])} {interval(row['null_low'], row['null_high'])}"
        f" (p = {number(row['p'], 4)}, {counted(int(row['n_pairs']), 'pair')})."
    )


def _unresolved(able: pd.DataFrame) -> Iterator[str]:
    for task, rows in able.groupby("task", sort=False):
        same = rows[rows["noising_normalised"].isna()]
        unclear = int((rows["verdict"] == "unclear").sum()) - len(same)
        if len(same):
            models = same["model"].drop_duplicates().tolist()
            yield (
                f"Not resolved on {task_name(task)}: in {', '.join(models)} the answer does not"
                " depend on the repeated name, the two runs do not differ, and there is nothing"
                " that a head could carry."
            )
        if unclear:
            further = rows.drop(same.index)
            shares = further[[f"share_{name}" for name in ("logits", *CATEGORIES)]]
            ends = further[[f"{name}_low" for name in shares]]
            known, judged = (part.notna().any(axis=1) for part in (shares, ends))
            open_ = further["verdict"] == "unclear"
            reasons = {
                "the total effect may be 0": int((open_ & ~known).sum()),
                _NO_INTERVALS: int((open_ & known & ~judged).sum()),
                "no path carries a share that is large enough and surely above 0": int(
                    (open_ & known & judged).sum()
                ),
            }
            why = "; ".join(f"{why} ({n})" for why, n in reasons.items() if n)
            yield (
                f"On {task_name(task)}, {unclear} of {len(further)} further verdicts are unclear:"
                f" {why}."
            )
    measured, possible = able["n_receivers"].median(), able["n_possible"].median()
    if measured < possible:
        yield (
            f"Of the {possible:.0f} inputs of later heads that a hero has at the median, the"
            f" {measured:.0f} strongest by attribution were measured."
        )


def _verdict_table(able: pd.DataFrame) -> Table:
    rows = []
    for category in [name for name in CATEGORIES if (able["category"] == name).any()]:
        for task, of in able[able["category"] == category].groupby("task", sort=False):
            counts = of["verdict"].value_counts()
            rows.append(
                (
                    category_cell(category),
                    text_cell(task_name(task)),
                    *(count_cell(counts.get(what, 0)) for what in VERDICTS),
                )
            )
    caption = "Verdicts on the heroes of the models that are not known to fail the task."
    return Table(["category", "task", *VERDICTS], rows, caption)


def _similarity_table(similarity: pd.DataFrame) -> Table:
    rows = [
        (
            text_cell(row["group"].replace("_", " ")),
            text_cell(row["scope"]),
            text_cell(" and ".join(dict.fromkeys((row["family_a"], row["family_b"])))),
            count_cell(row["n_pairs"]),
            number_cell(row["similarity"]),
            number_cell(row["expected"], note=interval(row["null_low"], row["null_high"])),
            number_cell(row["p"], 4),
            number_cell(row["q"], 3),
        )
        for row in similarity.to_dict("records")
    ]
    names = ["heroes", "scope", "families", "pairs", "mean cosine", "by chance", "p", "q"]
    caption = (
        "How alike the profiles of heroes of different models are, against random heads of the same"
        " models and layers (95 % of draws)."
    )
    return Table(names, rows, caption, folded=True)


def _heroes_table(
    model: str, rows: pd.DataFrame, unsure: Mapping[tuple[str, int, int], str]
) -> Table:
    cells = []
    for row in rows.to_dict("records"):
        into = ", ".join(CATEGORIES[c].label for c in row["routes_into"].split(", ") if c)
        cells.append(
            (
                category_cell(row["category"]),
                text_cell(
                    head_name(row["layer"], row["head"]),
                    flag=unsure.get((model, row["layer"], row["head"]), ""),
                ),
                text_cell(task_name(row["task"])),
                number_cell(row["delta"], 3),
                *(_share_cell(row, f"{direction}_normalised") for direction in _DIRECTIONS),
                number_cell(
                    row["noising_direct"],
                    note=interval(row["noising_direct_low"], row["noising_direct_high"]),
                ),
                number_cell(row["noising_self_repair"]),
                _share_cell(row, "share_logits"),
                text_cell(row["verdict"], f"into {into}" if into else ""),
            )
        )
    names = [
        *("category", "head", "task", "Δ", "denoising", "noising", "direct"),
        *("self-repair", "logits' share", "verdict"),
    ]
    return Table(names, cells, model, folded=True, model=model)


def _share_cell(row: dict[Hashable, Any], name: str) -> Cell:
    return number_cell(row[name], note=interval(row[f"{name}_low"], row[f"{name}_high"]))


CHAPTER = Chapter(
    anchor="causal",
    title="Do the heroes do it themselves?",
    pipeline="causal",
    tables=("causal_summary", "hero_pairs", "hero_similarity"),
    figures=("causal_ioi", "causal_anti"),
    tell=_tell,
    also=("joint_prompts",),
    needs_scan=True,
)
