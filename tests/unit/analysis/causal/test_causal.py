"""Verdicts in closed form, the summary of planted tables, and planted likeness of heroes."""

from __future__ import annotations

from itertools import product
from math import nan

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.causal.exports import causal_for_people
from circuit_scaling.analysis.causal.similarity import hero_similarity
from circuit_scaling.analysis.causal.verdicts import causal_summary, verdict
from circuit_scaling.tables.causal import CAUSAL_SUMMARY, HERO_SIMILARITY, ROLES
from circuit_scaling.tables.columns import PROFILE_COLUMNS
from tests.helpers.causal_tables import (
    classified_heads,
    head_reads,
    head_traces,
    head_writes,
    hero_heads,
)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({"logits": (0.9, 0.5)}, ("does it itself", "")),
        ({"logits": (0.1, 0.01)}, ("does it itself", "")),  # the bar is inclusive
        ({"logits": (0.09, 0.05)}, ("unclear", "")),
        ({"logits": (0.9, -0.1)}, ("unclear", "")),
        ({"logits": (0.9, nan)}, ("unclear", "")),
        ({"logits": (nan, nan), "shared": (nan, nan)}, ("unclear", "")),
        ({"logits": (0.0, -0.1), "shared": (0.5, 0.2)}, ("routes", "shared")),
        ({"shared": (0.5, 0.2), "ioi_only": (0.2, 0.1)}, ("routes", "ioi_only, shared")),
        ({"logits": (0.5, 0.2), "weak": (0.5, 0.2)}, ("mixed", "weak")),
        ({"logits": (-0.9, -1.2), "shared": (-0.5, -0.7)}, ("unclear", "")),
    ],
)
def test_verdicts(shares: dict[str, tuple[float, float]], expected: tuple[str, str]) -> None:
    assert verdict(shares, 0.1) == expected


def test_the_summary_takes_every_number_from_its_place() -> None:
    summary = causal_summary(
        hero_heads(), classified_heads(), head_traces(), head_writes(), min_share=0.1
    )
    CAUSAL_SUMMARY.validate(summary)
    assert len(summary) == 4  # two heroes, two tasks; the weak head is none
    row = summary[(summary["layer"] == 1) & (summary["task"] == "anti_names")].iloc[0]
    traces = head_traces().set_index(["layer", "task", "direction", "part"])
    for direction, (part, prefix) in product(("denoising", "noising"), (("z", ""), ("v", "v_"))):
        source = traces.loc[(1, "anti_names", direction, part)]
        assert row[f"{direction}_{prefix}influence"] == source["influence"]
        assert row[f"{direction}_{prefix}influence_low"] == source["low"]
        assert row[f"{direction}_{prefix}normalised_high"] == source["normalised_high"]
        assert row[f"{direction}_{prefix}q"] == source["q"]
    assert row["noising_direct"] == traces.loc[(1, "anti_names", "noising", "z"), "direct"]
    assert row["delta"] == hero_heads()["delta_anti_names"][1]
    assert (row["verdict"], row["routes_into"]) == ("does it itself", "")
    routing = summary[(summary["layer"] == 0) & (summary["task"] == "ioi")].iloc[0]
    assert (routing["verdict"], routing["routes_into"]) == ("routes", "shared")
    assert routing["share_shared"] == 0.8
    assert np.isnan(routing["share_anti_only"])


def test_where_the_runs_do_not_differ_nothing_is_carried() -> None:
    traces = head_traces()
    same = (traces["task"] == "ioi") & (traces["direction"] == "noising")
    traces.loc[same, "normalised"] = nan
    summary = causal_summary(hero_heads(), classified_heads(), traces, head_writes(), 0.1)
    verdicts = summary.groupby("task")["verdict"].unique()
    assert list(verdicts["ioi"]) == ["unclear"]
    assert "unclear" not in verdicts["anti_names"]


def test_no_heroes_give_an_empty_summary_and_export() -> None:
    none = hero_heads().head(0)
    summary = causal_summary(
        none, classified_heads(), head_traces().head(0), head_writes().head(0), 0.1
    )
    assert CAUSAL_SUMMARY.validate(summary).empty
    assert causal_for_people(summary)["hero_head_causal_summary"].empty


def test_the_export_has_the_published_columns_a_row_per_hero() -> None:
    summary = causal_summary(hero_heads(), classified_heads(), head_traces(), head_writes(), 0.1)
    table = causal_for_people(summary)["hero_head_causal_summary"]
    assert list(table)[:10] == [
        *("family", "model", "category", "layer", "head", "delta_ioi", "delta_anti"),
        *("strength", "mean_ioi_influence", "mean_anti_influence"),
    ]
    assert len(table) == 2
    source = summary.set_index(["layer", "task"])["denoising_influence"]
    row = table[table["layer"] == 1].iloc[0]
    assert row["mean_ioi_influence"] == source[1, "ioi"]
    assert row["mean_anti_influence"] == source[1, "anti_names"]


def test_planted_likeness_across_families_is_found_and_none_within() -> None:
    reads, heads = head_reads()
    found = hero_similarity(reads, heads, 999, 0)
    HERO_SIMILARITY.validate(found)
    rows = found.set_index(["group", "scope", "family_a"])
    across = rows.loc[("shared", "across families", "all families")]
    assert across["p"] == pytest.approx(0.001)
    assert across["similarity"] > 0.9
    assert rows.loc[("ioi_only", "across families", "all families"), "p"] > 0.01
    late = rows.loc[("late shared", "across families", "all families")]
    assert (late["n_heroes"], late["n_pairs"]) == (2, 1)  # one of two lies in the second half
    # one model per family: no two models to compare within one
    assert "within families" not in set(found["scope"])


def test_models_that_cannot_do_a_task_are_left_out() -> None:
    reads, heads = head_reads()
    heads["competent_anti_names"] = heads["model"].ne("b_s").astype("boolean")
    assert hero_similarity(reads, heads, 99, 0).empty


def test_profiles_hold_all_scores_and_the_reads_of_both_tasks() -> None:
    reads, heads = head_reads()
    for column in (*PROFILE_COLUMNS, *ROLES):
        changed = reads.copy()
        rng = np.random.default_rng(0)
        changed[column] = changed[column] + 5 * rng.random(len(changed))
        if column in PROFILE_COLUMNS:  # one value per head, in the rows of both tasks
            changed[column] = changed.groupby(["model", "layer", "head"])[column].transform("first")
        before, after = (hero_similarity(r, heads, 99, 0)["similarity"] for r in (reads, changed))
        assert not np.allclose(before, after), column


def test_empty_reads_give_an_empty_table() -> None:
    reads, heads = head_reads()
    pd.testing.assert_frame_equal(
        hero_similarity(reads.head(0), heads, 99, 0), HERO_SIMILARITY.empty()
    )
