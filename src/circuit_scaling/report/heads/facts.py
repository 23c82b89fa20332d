"""What one kind of table knows of single heads, as rows of words: one function per section."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from circuit_scaling.figures.style import CATEGORIES, METHODS, number
from circuit_scaling.report.blocks import (
    MISSING,
    as_float,
    column,
    columns,
    interval,
    rows_of,
    task_name,
)
from circuit_scaling.report.context import ReportContext
from circuit_scaling.tables.causal import ROLES
from circuit_scaling.tables.columns import PROFILE_COLUMNS
from circuit_scaling.vocabulary import STUDY_TASKS

Key = tuple[str, int, int]  # model, layer, head
_WRITES = 5  # of the receivers, those with the largest effects


@dataclass(frozen=True)
class Facts:
    """A section of the cards: what it is called, its columns, and the rows of each head."""

    title: str
    columns: tuple[str, ...]
    rows: dict[Key, list[tuple[str, ...]]]


def effects(context: ReportContext) -> Facts | None:
    """Δ on every task, with its standard error, on both halves of the prompts, and q."""
    heads = context.tables.get("classified_heads")
    if heads is None:
        return None
    tasks = [str(name) for name in heads.columns if re.fullmatch(r"delta_\w+", str(name))]
    tasks = [name.removeprefix("delta_") for name in tasks]
    tasks = [name for name in tasks if not name.endswith(("_select", "_test"))]
    order = [*STUDY_TASKS, *(task for task in tasks if task not in STUDY_TASKS)]
    rows: dict[Key, list[tuple[str, ...]]] = {key: [] for key in _keys(heads)}
    for task in order:
        parts = (f"delta_{task}", f"low_{task}", f"high_{task}", f"se_{task}")
        sides = (f"delta_{task}_select", f"delta_{task}_test", f"q_{task}")
        told = columns(heads, *parts, *sides)
        for key, (delta, low, high, *others) in zip(rows, told, strict=True):
            if not pd.isna(delta):
                words = (_bounded(delta, low, high, 3), *(_number(other) for other in others))
                rows[key].append((task_name(task), *words))
    title = "Effect (imported)" if context.imported else f"Effect of {context.primary_words}"
    return Facts(title, ("task", "Δ", "standard error", "select", "test", "q"), rows)


def category(context: ReportContext) -> Facts | None:
    """Category, how sure it is, and whether the head is a hero."""
    heads = context.tables.get("classified_heads")
    if heads is None:
        return None
    heroes = context.tables.get("hero_heads")
    ranks: dict[Key, str] = {}
    if heroes is not None:
        for key, row in zip(_keys(heroes), rows_of(heroes), strict=True):
            if row.category != "weak":
                ranks[key] = f"{row.rank} of {CATEGORIES[row.category].label}"
    rows: dict[Key, list[tuple[str, ...]]] = {
        key: [
            (
                CATEGORIES[row.category].label,
                _number(row.category_stability, 2),
                MISSING if pd.isna(row.resolved) else "yes" if row.resolved else "no",
                CATEGORIES[row.category_select].label,
                ranks.get(key, MISSING),
                row.suspect or MISSING,
            )
        ]
        for key, row in zip(_keys(heads), rows_of(heads), strict=True)
    }
    names = ("category", "stability", "settled", "on select prompts", "hero", "suspect")
    return Facts(f"Category at τ = {context.tau:g}", names, rows)


def profile(context: ReportContext) -> Facts | None:
    """The scores that need no task."""
    heads = context.tables.get("classified_heads")
    if heads is None:
        return None
    parts = [column(heads, name).map(_number).to_list() for name in PROFILE_COLUMNS]
    told = zip(*parts, strict=True)
    rows = {
        key: [scores]
        for key, scores in zip(_keys(heads), told, strict=True)
        if any(word != MISSING for word in scores)
    }
    return Facts("Profile", tuple(map(_words, PROFILE_COLUMNS)), rows)


def reads(context: ReportContext) -> Facts | None:
    """Where the head looks from the last position, task by task."""
    table = context.tables.get("head_reads")
    if table is None:
        return None
    shares = [
        [_bounded(*parts) for parts in columns(table, role, f"{role}_low", f"{role}_high")]
        for role in ROLES
    ]
    told = zip(map(task_name, table["task"]), *shares, strict=True)
    names = ("task", *map(_words, ROLES))
    return Facts("Reads: attention from the last position", names, _grouped(table, told))


def writes(context: ReportContext) -> Facts | None:
    """The logits and the later heads that the head's output reaches, strongest first."""
    table = context.tables.get("head_writes")
    if table is None:
        return None
    kinds = table["destination"].map({"logits": 0, "category": 1, "head": 2})
    ranked = table.assign(kind=kinds, size=-table["effect"].abs())
    place = {task: index for index, task in enumerate(STUDY_TASKS)}
    ranked["task_order"] = ranked["task"].map(place).fillna(len(place))
    keys = ["model", "layer", "head", "task_order", "task"]
    ranked = ranked.sort_values([*keys, "kind", "size"], kind="stable")
    first = ranked[(ranked["kind"] < 2) | (ranked.groupby([*keys, "kind"]).cumcount() < _WRITES)]
    told = [
        (
            task_name(row.task),
            _receiver(row),
            _bounded(row.effect, row.low, row.high),
            _bounded(row.share, row.share_low, row.share_high),
        )
        for row in rows_of(first)
    ]
    names = ("task", "into", "effect in logits", "share of the total effect")
    return Facts("Writes: the strongest paths", names, _grouped(first, told))


def _receiver(row: Any) -> str:
    if row.destination == "logits":
        return "logits"
    label = CATEGORIES[row.receiver_category].label
    if row.destination == "category":
        return f"all {label} heads"
    return f"L{row.receiver_layer:.0f}H{row.receiver_head:.0f} {row.channel} ({label})"


def verdicts(context: ReportContext) -> Facts | None:
    """What patching the head's output carries, and the verdict."""
    table = context.tables.get("causal_summary")
    if table is None:
        return None
    told = [
        (
            task_name(row.task),
            *(
                _bounded(*(getattr(row, f"{way}_normalised{end}") for end in ("", "_low", "_high")))
                for way in ("denoising", "noising")
            ),
            _bounded(row.noising_direct, row.noising_direct_low, row.noising_direct_high),
            row.verdict,
            ", ".join(CATEGORIES[c].label for c in row.routes_into.split(", ") if c) or MISSING,
        )
        for row in rows_of(table)
    ]
    names = ("task", "denoising", "noising", "direct", "verdict", "routes into")
    return Facts("Causal tracing", names, _grouped(table, told))


def sets(context: ReportContext) -> Facts | None:
    """What is lost when all heroes of the head's category, or of the model, are ablated."""
    summary, heroes = context.tables.get("ablation_summary"), context.tables.get("hero_heads")
    if summary is None or heroes is None:
        return None
    tasks = (summary["readout"] == "contrast") & summary["primary"] & (summary["reason"] == "")
    kept = summary[tasks]
    largest = kept["k"] == kept.groupby(["model", "task", "hero_set"])["k"].transform("max")
    by_set: dict[tuple[str, str], list[Any]] = {}
    for row in rows_of(kept[largest]):
        by_set.setdefault((row.model, row.hero_set), []).append(row)
    rows: dict[Key, list[tuple[str, ...]]] = {}
    for key, hero in zip(_keys(heroes), rows_of(heroes), strict=True):
        if hero.category == "weak":
            continue
        own = f"{CATEGORIES[hero.category].label} heroes"
        rows[key] = [
            (
                f"{row.k} {'heroes' if of == 'hero_joint' else own}",
                task_name(row.task),
                _bounded(row.mean_diff, row.low, row.high),
                _number(row.matched_mean_diff),
                _number(row.matched_p),
            )
            for of in (f"hero_{hero.category}", "hero_joint")
            for row in by_set.get((hero.model, of), [])
            if of == "hero_joint" or hero.rank <= row.k
        ]
    names = ("heads ablated together", "task", "change of the contrast", "random heads", "p")
    return Facts("Ablated with other heroes", names, rows)


def published(context: ReportContext) -> Facts | None:
    """What others have found the head to be."""
    told: dict[Key, list[tuple[str, ...]]] = {}
    known = context.tables.get("known_heads")
    if known is not None:
        for key, row in zip(_keys(known), rows_of(known), strict=True):
            told.setdefault(key, []).append((row.role, row.verdict, row.source))
    documents = context.tables.get("known_retrieval_heads")
    if documents is not None and len(documents):
        shown = documents.drop_duplicates(["model", "layer", "head", "source"])
        for key, row in zip(_keys(shown), rows_of(shown), strict=True):
            told.setdefault(key, []).append(("retrieval head", MISSING, row.source))
    return Facts("Published", ("role", "here", "source"), told) if told else None


def retrieval(context: ReportContext) -> Facts | None:
    """Mean and best rank by every method, over the questions and lengths that list the head."""
    rankings = context.tables.get("head_rankings")
    if rankings is None or rankings.empty:
        return None
    listed = rankings.dropna(subset=["rank"])
    keys = ["model", "layer", "head", "method"]
    ranks = listed.groupby(keys, sort=False)["rank"].agg(["mean", "min", "size"]).reset_index()
    asked = rankings[["model", "method", "question", "token_length"]].drop_duplicates()
    every = asked.groupby(["model", "method"]).size()
    told = [
        (
            METHODS[row.method].label if row.method in METHODS else str(row.method),
            number(row.mean, 1),
            f"{row.min:.0f}",
            f"{row.size} of {every.loc[(row.model, row.method)]}",
        )
        for row in rows_of(ranks)
    ]
    names = ("method", "mean rank", "best rank", "ranked in")
    return Facts("Retrieval: ranks by method", names, _grouped(ranks, told))


SECTIONS: tuple[Callable[[ReportContext], Facts | None], ...] = (
    category,
    effects,
    profile,
    reads,
    writes,
    verdicts,
    sets,
    published,
    retrieval,
)
TABLES = (
    *("classified_heads", "hero_heads", "head_reads", "head_writes", "causal_summary"),
    *("ablation_summary", "known_heads", "known_retrieval_heads", "head_rankings"),
)


def _keys(frame: pd.DataFrame) -> list[Key]:
    places = zip(frame["model"], frame["layer"], frame["head"], strict=True)
    return [(str(model), int(layer), int(head)) for model, layer, head in places]


def _words(name: str) -> str:
    return name.replace("_", " ").replace("ov ", "OV ")


def _grouped(
    frame: pd.DataFrame, told: Iterable[Sequence[str]]
) -> dict[Key, list[tuple[str, ...]]]:
    rows: dict[Key, list[tuple[str, ...]]] = {}
    for key, row in zip(_keys(frame), told, strict=True):
        rows.setdefault(key, []).append(tuple(row))
    return rows


def _number(value: object, digits: int = 3) -> str:
    return number(as_float(value), digits)


def _bounded(value: object, low: object, high: object, digits: int = 2) -> str:
    bounds = interval(low, high, digits)
    return f"{_number(value, digits)}{f' {bounds}' if bounds else ''}"
