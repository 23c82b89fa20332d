"""A note claims what the intervals bear, says what was not run, and marks what is not sure."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.report import ReportContext
from circuit_scaling.report.notes import NOTES, render_notes, tables_of_the_notes
from tests.helpers import synthetic_tables as tables
from tests.helpers.imported_tables import imported_heads, imported_retrieval

CLAIM = re.compile(r"\*\*[^*]*\.\*\*")
_CAN_BE_NEGATIVE = re.compile(r"(^|_)(low|ci_low|null_low)$")


def widened(frame: pd.DataFrame) -> pd.DataFrame:
    """Every interval holds 0 and whatever else is compared with it; no test finds anything."""
    frame = frame.copy()
    for name in map(str, frame.columns):
        if pd.api.types.is_float_dtype(frame[name]):
            if re.search(r"(^|_)low(_|$)", name):
                frame[name] = frame[name].where(frame[name].isna(), -1e6)
            elif re.search(r"(^|_)high(_|$)", name):
                frame[name] = frame[name].where(frame[name].isna(), 1e6)
            elif re.search(r"(^|_)[pq](_|$)", name):
                frame[name] = frame[name].where(frame[name].isna(), 1.0)
    return frame


def without_verdicts(context: ReportContext) -> ReportContext:
    every = {name: widened(table) for name, table in context.tables.items()}
    verdicts = every["causal_summary"].assign(verdict="unclear")
    return context.with_tables(**every | {"causal_summary": verdicts})


def test_the_tables_bear_claims_in_every_note_with_claims(notes: dict[str, str]) -> None:
    claimed = {name for name, text in notes.items() if CLAIM.search(text)}
    assert claimed == set(notes) - {"hero_heads.md"}


def test_where_every_interval_holds_zero_nothing_is_claimed(full: ReportContext) -> None:
    for name, text in render_notes(without_verdicts(full)).items():
        assert CLAIM.findall(text) == [], name
        if name != "hero_heads.md":
            assert "Not shown" in text
        assert "; off 0" not in text
        assert " are more alike than" not in text


def test_without_intervals_nothing_is_claimed_and_that_is_said(full: ReportContext) -> None:
    bare = {
        name: table.assign(
            **{
                column: np.nan
                for column in table.columns
                if re.search(r"(^|_)(low|high)(_|$)", str(column))
                and pd.api.types.is_float_dtype(table[column])
            }
        )
        for name, table in full.tables.items()
    }
    notes = render_notes(full.with_tables(**bare))
    claims = CLAIM.findall(notes["retrieval_findings.md"])
    assert claims == []
    assert notes["retrieval_findings.md"].count("There are no intervals.") >= 8
    assert "There are no intervals of mean depths." in notes["high_level_findings.md"]
    assert "(without intervals)" in notes["hero_heads.md"]


class TestNotRun:
    def test_with_nothing_run_every_note_says_what_to_run(self) -> None:
        notes = render_notes(ReportContext(makers=tables.MAKERS, run="kedro run --env external"))
        assert set(notes) == {f"{name}.md" for name in NOTES}
        for name, pipelines in {
            "high_level_findings": ("scaling", "classify"),
            "results_outline": ("scan,join", "classify", "scaling", "transfer", "causal"),
            "hero_heads": ("classify",),
            "transfer_results": ("transfer",),
            "retrieval_findings": ("retrieval_compare",),
        }.items():
            for pipeline in pipelines:
                command = f"`kedro run --env external --pipelines {pipeline}`."
                assert command in notes[f"{name}.md"]
        assert not any(CLAIM.search(text) for text in notes.values())

    @pytest.mark.parametrize("name", tables_of_the_notes())
    def test_any_table_may_be_missing_or_empty(self, full: ReportContext, name: str) -> None:
        given = full.tables.get(name)
        render_notes(full.with_tables(**{name: None}))
        if given is not None:
            render_notes(full.with_tables(**{name: given.head(0)}))

    def test_tables_of_other_heads_are_said_to_be_left_out(self, full: ReportContext) -> None:
        from dataclasses import replace

        without = replace(full, outdated=frozenset({"causal"})).with_tables(causal_summary=None)
        text = render_notes(without)["high_level_findings.md"]
        assert "Not run: `kedro run --pipelines causal`. What is there is of other heads." in text


class TestMarks:
    def test_models_that_fail_a_task_are_marked_wherever_they_are_listed(
        self, notes: dict[str, str]
    ) -> None:
        marked = "control_ioi (not competent on anti-repetition)"
        assert f"  - {marked}, " in notes["high_level_findings.md"]
        assert f"| {marked} |" in notes["high_level_findings.md"]
        assert f"## {marked}" in notes["hero_heads.md"]
        assert "→ control_ioi 0." in notes["transfer_results.md"]  # it does IOI
        assert "mini_gpt2_s (not competent" not in "".join(notes.values())

    def test_suspect_models_and_unsure_heroes_are_marked(self, full: ReportContext) -> None:
        heads = full.tables["classified_heads"].copy()
        heads["suspect"] = np.where(heads["model"] == "mini_gpt2_l", "exact zeros", "")
        heroes = full.tables["hero_heads"].copy()
        heroes["category_stability"] = 0.9
        first = heroes[(heroes["category"] == "shared") & (heroes["rank"] == 1)].iloc[0]
        heroes.loc[first.name, "category_stability"] = 0.4
        told = render_notes(full.with_tables(classified_heads=heads, hero_heads=heroes))
        assert "mini_gpt2_l (suspect), " in told["high_level_findings.md"]
        assert "## mini_gpt2_l (suspect)" in told["hero_heads.md"]
        named = f"L{first['layer']}H{first['head']}"
        assert f"### {named}: shared, rank 1 (category unsure)" in told["hero_heads.md"]
        assert f"**{named}** (category unsure): " in told["high_level_findings.md"]
        assert "(exact zeros)" in told["hero_heads.md"]

    def test_suspicions_of_the_rankings_stand_before_all_findings(
        self, full: ReportContext
    ) -> None:
        checks = pd.DataFrame(
            {
                "table": ["head_rankings"],
                "check": ["tied ranks"],
                "outcome": ["suspect"],
                "where": ["qrhead, mini_llama"],
                "n_rows": [4],
                "detail": ["4 of 64 ranks"],
                "cause": [""],
            }
        )
        text = render_notes(full.with_tables(retrieval_checks=checks))["retrieval_findings.md"]
        suspicion = text.index("qrhead, mini_llama: 4 of 64 ranks")
        assert text.index("**The tables do not look right**") < suspicion
        assert suspicion < text.index("## The study's questions")


class TestImported:
    @pytest.fixture(scope="class")
    def told(self, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
        folder = tmp_path_factory.mktemp("imported")
        given = imported_heads(folder) | imported_retrieval(folder)
        return render_notes(ReportContext(makers=tables.MAKERS).with_tables(**given))

    def test_nothing_is_claimed_and_nothing_was_done_here(self, told: dict[str, str]) -> None:
        text = "\n".join(told.values())
        done_here = ("was removed", "were ablated", "*held out*", "held out −", "of the names")
        assert [phrase for phrase in done_here if phrase in text] == []
        assert "competence not known" not in text
        assert not re.search(r"\bnan\b", text, flags=re.IGNORECASE)
        assert "imported" in told["high_level_findings.md"]
        assert "Not possible for an imported table" in told["hero_heads.md"]
        assert CLAIM.findall(told["retrieval_findings.md"]) == []
        assert "The tables were imported and have no samples" in told["retrieval_findings.md"]

    def test_numbers_are_those_of_the_file(self, tmp_path, told: dict[str, str]) -> None:
        heads = imported_heads(tmp_path)["classified_heads"]
        counts = heads["category"].value_counts()
        assert f"IOI only: {counts['ioi_only']} " in told["high_level_findings.md"]
