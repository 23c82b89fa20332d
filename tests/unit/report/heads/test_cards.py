"""A head's card says what the tables say of it, and the table of heads has every head once."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.heads import heads_json, tables_of_cards
from circuit_scaling.report.heads.facts import effects, retrieval, sets, writes
from circuit_scaling.report.reading_order import tables_of_the_page


@pytest.fixture(scope="module")
def spec(context: ReportContext) -> dict[str, Any]:
    return json.loads(heads_json(context))


def signed(value: float, digits: int = 3) -> str:
    text = f"{value:.{digits}f}".replace("-", "−")
    return text.removeprefix("−") if float(f"{value:.{digits}f}") == 0 else text


def test_every_head_is_there_once(spec: dict[str, Any], context: ReportContext) -> None:
    scanned, ranked = context.tables["classified_heads"], context.tables["head_rankings"]
    keys = ["model", "layer", "head"]
    expected = pd.concat([scanned[keys], ranked[keys]]).drop_duplicates()
    names = [f"{row[1]} {row[0]}" for row in spec["rows"]]
    assert len(names) == len(set(names))
    assert set(names) == {f"{r.model} L{r.layer}H{r.head}" for r in expected.itertuples()}
    assert all(len(row) == len(spec["columns"]) for row in spec["rows"])


def test_the_numbers_of_the_table_are_those_of_the_heads(
    spec: dict[str, Any], context: ReportContext
) -> None:
    heads = context.tables["classified_heads"]
    at = spec["columns"].index("Δ_ioi")
    shown = [row[at] for row in spec["rows"][: len(heads)]]
    assert shown == pytest.approx(heads["delta_ioi"].tolist(), rel=1e-3)


def test_the_card_has_the_effects_of_its_head(context: ReportContext) -> None:
    heads = context.tables["classified_heads"].assign(
        low_ioi=lambda rows: rows["delta_ioi"] - 1, high_ioi=lambda rows: rows["delta_ioi"] + 1
    )
    facts = effects(context.with_tables(classified_heads=heads))
    assert facts is not None
    for row in heads.sample(20, random_state=0).itertuples():
        ioi, anti = facts.rows[(row.model, row.layer, row.head)]
        bounds = f"[{signed(row.low_ioi)}, {signed(row.high_ioi)}]"
        assert ioi[:3] == ("IOI", f"{signed(row.delta_ioi)} {bounds}", signed(row.se_ioi))
        assert anti[1] == signed(row.delta_anti_names)
        assert ioi[3:] == tuple(
            signed(value) for value in (row.delta_ioi_select, row.delta_ioi_test, row.q_ioi)
        )


def test_ranks_are_means_over_what_lists_the_head(context: ReportContext) -> None:
    rankings = context.tables["head_rankings"]
    facts = retrieval(context)
    assert facts is not None
    (model, layer, head), rows = next(iter(facts.rows.items()))
    for row in rows:
        of_head = rankings[(rankings["model"] == model) & rankings["rank"].notna()]
        of_head = of_head[(of_head["layer"] == layer) & (of_head["head"] == head)]
        means = of_head.groupby("method")["rank"].agg(["mean", "size"])
        assert (float(row[1]), int(row[3].split()[0])) in [
            (round(mean, 1), size) for mean, size in means.itertuples(index=False)
        ]


def test_paths_are_the_strongest_and_the_logits_lead(context: ReportContext) -> None:
    table = context.tables["head_writes"]
    facts = writes(context)
    assert facts is not None
    key = next(iter(facts.rows))
    rows = facts.rows[key]
    assert rows[0][1] == "logits"
    of_head = table[(table["layer"] == key[1]) & (table["head"] == key[2])]
    of_head = of_head[(of_head["model"] == key[0]) & (of_head["destination"] == "head")]
    assert sum(row[1].startswith("L") for row in rows) == sum(
        min(5, len(group)) for _, group in of_head.groupby("task")
    )


def test_only_heroes_are_in_ablated_sets(context: ReportContext) -> None:
    facts = sets(context)
    assert facts is not None
    heroes = context.tables["hero_heads"]
    strong = heroes[heroes["category"] != "weak"]
    keys = {(r.model, r.layer, r.head) for r in strong.itertuples()}
    assert set(facts.rows) <= keys


def test_the_page_reads_the_tables_of_the_cards() -> None:
    assert set(tables_of_cards()) <= set(tables_of_the_page())


def test_nothing_known_is_no_head() -> None:
    spec = json.loads(heads_json(ReportContext()))
    assert spec["rows"] == []
    assert spec["sections"] == []


def test_names_cannot_end_the_script(context: ReportContext) -> None:
    heads = context.tables["classified_heads"].head(1).assign(model="</script><b>")
    assert "</script>" not in heads_json(context.with_tables(classified_heads=heads))
