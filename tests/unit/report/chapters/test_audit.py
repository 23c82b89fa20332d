"""The chapter on what was published says what its table says, and never more than that."""

from __future__ import annotations

import pandas as pd
import pytest

from circuit_scaling.report.blocks import Missing, Section, Table
from circuit_scaling.report.chapters.audit import CHAPTER
from circuit_scaling.report.context import ReportContext
from circuit_scaling.tables.audit import CANNOT_BE_RIGHT, NOT_RUN, OUTCOMES, REPRODUCED
from circuit_scaling.tables.made_with import set_made_with
from tests.helpers.valid_tables import VALID


@pytest.fixture
def audit() -> pd.DataFrame:
    return pd.DataFrame(VALID["published_audit"])


def section(audit: pd.DataFrame) -> Section:
    return CHAPTER.section(ReportContext().with_tables(published_audit=audit))


def text(audit: pd.DataFrame) -> str:
    return " ".join(section(audit).sentences)


def test_it_counts_the_outcomes_of_checkpoints_and_of_models_in_general_apart(audit):
    told = text(audit)
    assert "4 numbers and claims" in told
    assert "3 are about certain checkpoints: 1 not reproduced, 2 not run." in told
    assert "1 is about models in general" in told
    assert "1 reproduced" in told
    changed = text(audit.assign(outcome=OUTCOMES[3]))
    assert "3 are about certain checkpoints: 3 not comparable." in changed


def test_a_claim_that_holds_here_is_not_said_to_hold_of_the_studies_models(audit):
    assert "does not say that it holds for those of the studies" in text(audit)
    failing = audit.assign(outcome=audit["outcome"].replace(REPRODUCED, "not reproduced"))
    assert "does not say" not in text(failing)


def test_what_was_not_run_is_counted_by_the_command_that_measures_it(audit):
    assert "What was not run is measured by kedro run --env retrieval (2)." in text(audit)
    assert "not run" not in text(audit[audit["outcome"] != NOT_RUN])


def test_what_cannot_be_right_is_no_evidence(audit):
    assert "no evidence" not in text(audit)
    changed = audit.assign(outcome=[CANNOT_BE_RIGHT, CANNOT_BE_RIGHT, NOT_RUN, NOT_RUN])
    assert "2 follow from the imported tables, and a check says" in text(changed)


def test_another_form_of_the_task_is_told_where_models_of_the_study_were_measured(audit):
    set_made_with(audit, {"join.anti_names": "anti_names"})
    assert "which join.anti_names=anti_names_first measures." in text(audit)
    set_made_with(audit, {"join.anti_names": "anti_names_first"})
    assert "join.anti_names" not in text(audit)
    nothing = audit.assign(models="")
    set_made_with(nothing, {"join.anti_names": "anti_names"})
    assert "join.anti_names" not in text(nothing)


def test_a_table_of_outcomes_and_one_folded_line_by_line_for_each_study(audit):
    counts, scaling, retrieval, definitions = section(audit).blocks
    assert isinstance(counts, Table) and isinstance(definitions, Table)
    assert isinstance(scaling, Table) and isinstance(retrieval, Table)
    assert [row[0].text for row in counts.rows] == ["reproduced", "not reproduced", "not run"]
    assert [[cell.text for cell in row[1:]] for row in counts.rows] == [
        ["1", "0"],
        ["1", "0"],
        ["0", "2"],
    ]
    assert scaling.folded and retrieval.folded
    assert (scaling.quiet, retrieval.quiet) == (frozenset(), {0, 1})
    claim, published, measured, outcome, why = scaling.rows[0]
    assert (claim.text, claim.note) == ("They correlate.", "corr_a\npaper/notes.md § 1")
    assert (published.text, measured.text) == ("0.10", "0.300")
    assert measured.note == "[0.200, 0.400]"
    assert (outcome.text, why.text) == ("not reproduced", "outside of the interval")
    assert scaling.rows[1][2].text == "holds in 2 of 2 models"
    _, published, measured, _, why = retrieval.rows[0]
    assert (published.text, measured.text) == ("30.8 %", "–")
    assert why.note == "kedro run --env retrieval"
    assert definitions.folded
    (row,) = definitions.rows
    assert [cell.text for cell in row] == ["as it says", "corr_a, shared_exist, drop_50, layers"]


def test_numbers_have_the_printed_digits_and_one_more(audit):
    changed = audit.assign(
        published=["2", "0.15–0.38", "30.8", ""], measured=[2.04, 0.2345, 30.849, float("nan")]
    )
    rows = [row for block in section(changed).blocks[1:3] for row in block.rows]
    assert [row[2].text for row in rows[:3]] == ["2.0", "0.234", "30.85 %"]


def test_without_a_table_it_says_what_to_run_and_without_rows_nothing():
    assert CHAPTER.section(ReportContext()).blocks == (Missing(("published_audit",)),)
    empty = section(pd.DataFrame(VALID["published_audit"]).head(0))
    assert "0 numbers and claims" in " ".join(empty.sentences)
