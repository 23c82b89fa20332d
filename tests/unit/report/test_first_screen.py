"""The first screen says what was measured and found, and nothing that intervals do not bear."""

from __future__ import annotations

import dataclasses
import re

import pytest

from circuit_scaling.report import ReportContext, render_report
from circuit_scaling.report.first_screen import first_screen
from circuit_scaling.report.found import found_about_circuits, found_about_retrieval
from circuit_scaling.report.reading_order import CHAPTERS
from tests.helpers import synthetic_tables as tables
from tests.helpers.nothing_told import nothing_told
from tests.helpers.report_page import Page


def test_what_is_found_has_numbers_and_a_chapter(context: ReportContext) -> None:
    screen = first_screen(context)
    assert 5 <= len(screen.found) <= 8
    assert any(found.shown for found in screen.found)
    for found in screen.found:
        assert found.anchor in {chapter.anchor for chapter in CHAPTERS}
        assert re.search(r"\d", found.numbers)
        assert found.claim.endswith(".")
        assert found.numbers.endswith(".")
        assert found.claim.startswith("Not shown: ") != found.shown


def test_where_every_interval_includes_nothing_no_finding_is_claimed(
    context: ReportContext,
) -> None:
    bare = nothing_told(context)
    every = [*found_about_circuits(bare), *found_about_retrieval(bare)]
    assert len(every) >= 8
    assert [found.claim for found in every if found.shown] == []
    assert all(found.claim.startswith("Not shown: ") for found in every)
    html = render_report(bare)
    assert 'data-shown="true"' not in html
    assert 'data-shown="false"' in html


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("classified_heads", "delta_ioi"),
        ("corr_vs_scale", "corr_true"),
        ("scale_trend", "slope"),
        ("ablation_summary", "matched_difference"),
        ("transfer_summary", "mean_frac_rank"),
        ("head_matching", "spearman"),
        ("retrieval_findings", "value"),
    ],
)
def test_other_numbers_in_a_table_are_other_words(
    context: ReportContext, table: str, column: str
) -> None:
    def said(of: ReportContext) -> str:
        every = [*found_about_circuits(of), *found_about_retrieval(of)]
        return " ".join(found.text for found in every)

    other = context.tables[table].copy()
    other[column] = 0.37 * other[column]
    assert said(context.with_tables(**{table: other})) != said(context)


def test_what_was_measured_is_counted(context: ReportContext) -> None:
    heads = context.tables["classified_heads"]
    screen = first_screen(context)
    (lead, *_) = screen.measured
    assert lead.startswith(f"{len(heads)} attention heads of {heads['model'].nunique()} models")
    assert "this project trained on a made-up language" in screen.warning
    fewer = context.with_tables(classified_heads=heads.head(12))
    assert first_screen(fewer).measured[0].startswith("12 attention heads of 1 model ")


def test_each_task_has_an_example_and_who_can_do_it(context: ReportContext) -> None:
    ioi, anti = first_screen(context).measured[1:3]
    assert ioi.startswith("IOI: “When Ann and Bob went home, Bob gave a ring to” → Ann, not Bob; ")
    assert anti.startswith("Anti-repetition: “Ann met Bob. Ann talked to” → Bob, not Ann; ")
    able = context.tables["competence"].query("task == 'anti_names' and competent")
    assert f"{len(able)} of 4 models can do it" in anti
    assert f"{100 * able['accuracy'].median():.0f} % right at the median" in anti


def test_models_of_others_are_not_called_made_up(context: ReportContext) -> None:
    roster = tables.roster().assign(source="hub gpt2")
    screen = first_screen(dataclasses.replace(context, roster=roster))
    assert screen.warning == ""


def test_nothing_measured_says_so() -> None:
    page = Page(render_report(ReportContext(makers=tables.MAKERS)))
    assert "Nothing has been measured yet" in page.text[""]
    assert "No finding can be told from these tables yet." in page.text[""]


def test_a_chapter_begins_with_its_claim(context: ReportContext, html: str) -> None:
    found = first_screen(context).found[0]
    chapter = html[html.index(f'class="chapter" id="{found.anchor}"') :]
    gist = re.search(r'class="gist">([^<]*)<', chapter)
    assert gist is not None
    assert gist[1].replace("&#39;", "'") == found.claim
