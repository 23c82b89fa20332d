"""The part of docs/real_models.md about heads that read documents, from the tables of a run."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.markdown import table
from circuit_scaling.vocabulary import EVERY_QUESTION

TABLES = ("masking_summary", "head_rankings", "retrieval_findings")
_TOP = 5
_Row = dict[Hashable, Any]


def retrieval_chapters(tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """What one model answers, what is left of it without its best heads, and which these are.

    Args:
        tables: those of ``TABLES`` that there are, of the model; the findings are of all models.
    """
    masks = tables.get("masking_summary", pd.DataFrame())
    if masks.empty:
        return
    yield "### Which questions about a document it answers\n"
    yield _answered(masks)
    yield "### What is left without the heads that read it\n"
    yield _masked(masks)
    yield "### Which heads these are\n"
    yield _best(tables["head_rankings"])
    if len(tables.get("retrieval_findings", ())):
        yield _overlaps(tables["retrieval_findings"])


def _answered(masks: pd.DataFrame) -> str:
    asked = masks[masks["question"] != EVERY_QUESTION]
    asked = asked.drop_duplicates(["question", "token_length"])
    rows = [
        (
            r["question"],
            r["token_length"],
            _share(r, "baseline_accuracy"),
            f"{r['floor']:.0%}",
            "yes" if r["answered"] else "no",
            r["n_filings"],
        )
        for r in asked.to_dict("records")
    ]
    return table(("question", "tokens", "right", "floor", "answered", "filings"), rows)


def _masked(masks: pd.DataFrame) -> str:
    together = masks[(masks["question"] == EVERY_QUESTION) & masks["accuracy"].notna()]
    rows = [
        (
            r["method"],
            r["token_length"],
            r["n_heads"],
            _share(r, "baseline_accuracy"),
            _share(r, "accuracy"),
            _share(r, "random_accuracy"),
            _share(r, "accuracy_difference"),
            "–" if np.isnan(r["p_accuracy"]) else f"{r['p_accuracy']:.2g}",
        )
        for r in together.to_dict("records")
    ]
    names = ("method", "tokens", "heads", "clean", "without the best", "without random ones")
    return table((*names, "difference", "p"), rows)


def _best(rankings: pd.DataFrame) -> str:
    """Mean ranks over the answered questions and the lengths; of all where none is answered."""
    answered = rankings[rankings["answered"].astype(bool)]
    rows = []
    for method, ranked in (answered if len(answered) else rankings).groupby("method", sort=False):
        ranks = ranked.groupby(["layer", "head"])["rank"].mean().sort_values()
        best = ranks.head(_TOP).items()
        rows.append((method, ", ".join(f"L{la}H{he} ({rank:.1f})" for (la, he), rank in best)))
    return table(("method", "best heads, with their mean rank"), rows)


def _overlaps(findings: pd.DataFrame) -> str:
    values = findings.set_index(["finding", "group"])
    ceilings = values["value"].get("ranking_ceiling", pd.Series(dtype=float))
    rows = []
    for group, found in values.loc[["method_overlap"]].droplevel(0).iterrows():
        one, other = str(group).split("|")
        if one < other:
            halves = [f"{ceilings[name]:.0%}" for name in (one, other) if name in ceilings]
            chance = values["value"]["method_overlap_chance", group]
            overlap = f"{found['value']:.0%} {_ends(found['ci_low'], found['ci_high'])}"
            rows.append((f"{one}, {other}", overlap, f"{chance:.0%}", ", ".join(halves) or "–"))
    return table(("methods", "overlap of the best heads", "chance", "halves of the samples"), rows)


def _share(row: _Row, name: str) -> str:
    if np.isnan(row[name]):
        return "–"
    return f"{row[name]:.0%} {_ends(row[f'{name}_low'], row[f'{name}_high'])}"


def _ends(low: float, high: float) -> str:
    return "[no interval]" if np.isnan(low) else f"[{low:.0%}, {high:.0%}]"
