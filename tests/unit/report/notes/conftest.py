"""Tables of both studies, made up, from which every note has something to tell."""

from __future__ import annotations

import pytest

from circuit_scaling.report import ReportContext
from circuit_scaling.report.notes import render_notes
from circuit_scaling.tables.made_with import set_made_with
from tests.helpers import hero_tables, synthetic_comparison
from tests.helpers import synthetic_tables as tables


@pytest.fixture(scope="session")
def full(context: ReportContext) -> ReportContext:
    heads = context.tables["classified_heads"]
    heroes = tables.hero_heads(heads)
    found = {"p_same_layer": 0.001, "q_same_layer": 0.001}
    transfer = context.tables["transfer_summary"].assign(**found)
    set_made_with(transfer, {"transfer.k": 20})
    compared = synthetic_comparison.tables(synthetic_comparison.Compared())
    settings = synthetic_comparison.SETTINGS.model_dump()
    made_with = {f"comparison.{name}": value for name, value in settings.items()}
    set_made_with(compared["retrieval_findings"], made_with)
    return context.with_tables(
        hero_heads=heroes,
        strong_head_scaling=tables.strong_head_scaling(heads),
        transfer_summary=transfer,
        causal_summary=hero_tables.causal_summary(heroes),
        head_reads=hero_tables.head_reads(heroes),
        head_writes=hero_tables.head_writes(heroes),
        hero_similarity=hero_tables.hero_similarity(),
        **compared,
    )


@pytest.fixture(scope="session")
def notes(full: ReportContext) -> dict[str, str]:
    return render_notes(full)
