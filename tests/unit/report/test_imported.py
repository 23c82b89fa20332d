"""What was measured elsewhere is spoken of as that: nothing is said to have been done here."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from circuit_scaling.report import ReportContext, render_report
from circuit_scaling.report.blocks import Section, Table
from circuit_scaling.report.chapters import import_retrieval
from circuit_scaling.report.reading_order import all_sections
from tests.helpers import synthetic_retrieval as measured
from tests.helpers import synthetic_tables as tables
from tests.helpers.given_retrieval import ablations, rankings
from tests.helpers.given_tables import defective
from tests.helpers.imported_tables import imported_heads, imported_retrieval

OF_OWN_MEASUREMENT = (
    *("was removed", "is ablated, on", "were ablated", "ablated together", "one at a time"),
    *("test prompts", "select prompts", "held-out", "bootstrap", "clean metric of"),
    *("interval over prompts", "intervals over prompts", "without the noise", "freed of the noise"),
    *("competence not known", "it is not known whether both", "answers on the training documents"),
    *("Each model reads", "two halves", "intervals over filings", "not run"),
)
ONCE = ("Standard errors", "stability", "competence need")


def context(**made: object) -> ReportContext:
    return ReportContext(makers=tables.MAKERS).with_tables(**made)


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> ReportContext:
    return context(**imported_heads(tmp_path_factory.mktemp("heads")))


@pytest.fixture(scope="module")
def both(heads: ReportContext, tmp_path_factory: pytest.TempPathFactory) -> ReportContext:
    return heads.with_tables(**imported_retrieval(tmp_path_factory.mktemp("retrieval")))


@pytest.fixture(params=["heads", "both"])
def imported(request: pytest.FixtureRequest) -> ReportContext:
    return request.getfixturevalue(request.param)


def words(section: Section) -> Iterator[str]:
    """Everything of a chapter that is read: sentences, captions, heads and cells of tables."""
    yield section.title
    yield from section.sentences
    for block in section.blocks:
        yield getattr(block, "caption", "")
        if isinstance(block, Table):
            yield from block.head
            for row in block.rows:
                for cell in row:
                    yield from (cell.text, cell.note, cell.flag)


def said(context: ReportContext) -> str:
    chapters = (" ".join(words(section)) for section in all_sections(context))
    return " ".join([header(context), *chapters])


def header(context: ReportContext) -> str:
    (lead,) = re.findall(r"<header>(.*?)</header>", render_report(context), flags=re.DOTALL)
    return re.sub("<[^>]*>", " ", lead)


def chapter(context: ReportContext, anchor: str) -> str:
    (section,) = (s for s in all_sections(context) if s.anchor == anchor)
    return " ".join(words(section))


def test_nothing_is_said_to_have_been_measured_here(imported: ReportContext) -> None:
    text = said(imported)
    assert {phrase for phrase in OF_OWN_MEASUREMENT if phrase in text} == set()
    assert not re.search(r"\bnan\b", text, flags=re.IGNORECASE)
    assert "measured elsewhere" in header(imported)


def test_what_is_missing_is_said_once(imported: ReportContext) -> None:
    text = said(imported)
    assert {phrase: text.count(phrase) for phrase in ONCE} == dict.fromkeys(ONCE, 1)


def test_tables_have_no_column_of_which_nothing_is_known(imported: ReportContext) -> None:
    for section in all_sections(imported):
        for block in section.blocks:
            if isinstance(block, Table):
                for place in range(len(block.head)):
                    cells = [row[place] for row in block.rows]
                    assert any(c.text != "–" or c.note or c.flag for c in cells), block.caption


def test_the_same_chapters_of_own_scans_say_what_was_done(tmp_path) -> None:
    """The phrases can be found: they are those of the page of scans."""
    models = tables.MODELS
    frame = tables.classified_heads(models)
    of_scans = context(
        classified_heads=frame,
        head_category_summary=tables.head_category_summary(frame),
        hero_heads=tables.hero_heads(frame),
        corr_vs_scale=tables.corr_vs_scale(models),
        head_rankings=measured.head_rankings(),
        **tables.transfer(models),
    )
    text = said(of_scans)
    for phrase in (
        "were ablated one at a time",
        "is ablated, on",
        "select prompts",
        "Each model reads",
    ):
        assert phrase in text
    assert "measured elsewhere" not in text


def test_one_of_anything_is_no_plural(imported: ReportContext) -> None:
    found = re.findall(r"(?<![\d.,−L])\b1 (?!of\b)[a-z]+s\b(?! \|)", said(imported))
    assert [one for one in found if one not in {"1 is"}] == []


def test_suspect_heads_that_were_kept_are_no_result(tmp_path) -> None:
    kept = context(**imported_heads(tmp_path, defective("exact zeros")))
    assert "The table cannot be right as it is: 1 finding in 1 model." in chapter(kept, "imported")
    assert "was removed" not in said(kept)


class TestRetrieval:
    def test_its_chapter_says_what_was_given(self, both: ReportContext) -> None:
        text = chapter(both, "imported-retrieval")
        assert "The rankings and accuracies of retrieval heads on this page were measured" in text
        assert "They passed every check that was possible." in text
        assert "masking" not in {section.anchor for section in all_sections(both)}
        assert "In the accuracies as given, with the 4 best heads masked" in chapter(
            both, "comparison"
        )

    def test_rankings_alone(self, both: ReportContext) -> None:
        alone = both.with_tables(ablation_results=both.tables["ablation_results"].head(0))
        assert "The rankings of retrieval heads on this page were measured" in chapter(
            alone, "imported-retrieval"
        )
        none = both.with_tables(head_rankings=both.tables["head_rankings"].head(0))
        assert "No rankings were given." in chapter(none, "detection")

    def test_suspect_tables_that_were_kept_are_no_result(self, tmp_path) -> None:
        twice = rankings().assign(rank=lambda t: t["rank"].where(t["rank"] > 2, 1))
        kept = context(**imported_retrieval(tmp_path, twice, ablations().head(40)))
        text = chapter(kept, "imported-retrieval")
        n = int((kept.tables["import_retrieval_checks"]["outcome"] == "suspect").sum())
        assert n > 1
        assert f"They cannot be right as they are: {n} findings of the checks." in text
        assert "tied ranks" in text

    def test_rankings_of_our_methods_that_say_what_was_answered(self, tmp_path) -> None:
        ours = measured.head_rankings()
        text = chapter(context(**imported_retrieval(tmp_path, ours)), "detection")
        assert "are taken to follow its definitions" in text
        assert "Each model reads" not in text
        assert "tables/head_rankings.csv" not in text

    def test_measured_tables_have_no_such_chapter(self, both: ReportContext) -> None:
        own = context(head_rankings=measured.head_rankings())
        assert import_retrieval.CHAPTER.anchor not in {s.anchor for s in all_sections(own)}
