"""Which filings and answers are usable: what is wrong is counted, and refused if it is all."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.needles.questions import shipped_questions
from circuit_scaling.prompts.needles.truth import Filings, usable_filings


def truth(**columns: object) -> pd.DataFrame:
    given = {
        "filename": ["a.txt", "b.txt", "c.txt", "d.txt"],
        "cik": 7,
        "registrant_name_truth": ["A Inc", "B Inc", "C Inc", "D Inc"],
        "original_Inc_state_truth": ["Delaware", "Pennsylvania ", "NLL", "NULL"],
        "original_Inc_year_truth": [1929.0, np.nan, 1968.0, 29.0],
        "employee_count_truth": ["14200.0", "0", "NULL", "many"],
        "headquarters_state_truth": ["NY", "North Carolina and Georgia", "", None],
    }
    return pd.DataFrame({**given, **columns})


def texts(**columns: object) -> pd.DataFrame:
    names = ["d.txt", "c.txt", "b.txt", "a.txt"]
    return pd.DataFrame({"filename": names, "text": [f" Text of {n}. " for n in names], **columns})


def usable(truth: pd.DataFrame, texts: pd.DataFrame) -> Filings:
    return usable_filings(truth, texts, shipped_questions())


def refused(truth: pd.DataFrame, texts: pd.DataFrame) -> str:
    with pytest.raises(CircuitScalingError) as caught:
        usable(truth, texts)
    assert "\n" not in caught.value.message
    return str(caught.value.message)


def test_what_is_usable_and_what_is_counted() -> None:
    found = usable(truth(), texts())
    assert found.answers == {
        "inc_state": {"a.txt": "Delaware", "b.txt": "Pennsylvania"},
        "inc_year": {"a.txt": "1929", "c.txt": "1968"},
        "employee_count": {"a.txt": "14200"},
        "hq_state": {"a.txt": "New York"},
    }
    assert found.texts == {f"{n}.txt": f"Text of {n}.txt." for n in "abcd"}
    assert found.counts == {
        "filings": 4,
        "filings_without_text": 0,
        "inc_state_usable": 2,
        "inc_state_missing": 1,
        "inc_state_unusable": 1,
        "inc_year_usable": 2,
        "inc_year_missing": 1,
        "inc_year_unusable": 1,
        "employee_count_usable": 1,
        "employee_count_missing": 1,
        "employee_count_unusable": 2,
        "hq_state_usable": 1,
        "hq_state_missing": 2,
        "hq_state_unusable": 1,
    }


@pytest.mark.parametrize("text", [None, np.nan, "", "  \n", "NULL"])
def test_a_filing_without_its_text_is_left_out_and_counted(text: object) -> None:
    for given in (texts(text=["x", "x", text, "x"]), texts().drop(index=2)):
        found = usable(truth(), given)
        assert set(found.texts) == {"a.txt", "c.txt", "d.txt"}
        assert found.counts["filings_without_text"] == 1
        assert found.answers["inc_state"] == {"a.txt": "Delaware"}


def test_texts_of_other_filings_do_not_matter() -> None:
    more = pd.concat([texts(), pd.DataFrame({"filename": ["z.txt"], "text": ["more"]})])
    assert usable(truth(), more) == usable(truth(), texts())


def test_no_filing_has_a_text() -> None:
    message = refused(truth(), texts(filename=["e", "f", "g", "h"]))
    assert message == (
        "None of the 4 filings of the ground truth has a text: the column 'filename' of both "
        "tables must hold the same names ('a.txt', 'b.txt', 'c.txt' against 'e', 'f', 'g')."
    )


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["NULL"] * 4, "4 cells are empty and 0 are no year. Fill"),
        (
            ["NLL", "", "NLL", "29"],
            "1 cells are empty and 3 are no year, such as 'NLL', 'NLL', '29'",
        ),
    ],
)
def test_a_question_without_a_usable_answer(cells: list[str], why: str) -> None:
    message = refused(truth(original_Inc_year_truth=cells), texts())
    assert message.startswith("No filing has a usable answer to 'inc_year': in column")
    assert why in message
    assert message.endswith("leave 'inc_year' out of 'questions'.")


def test_answers_of_filings_without_a_text_are_not_usable() -> None:
    assert "'employee_count'" in refused(truth(), texts().drop(index=3))


def test_missing_columns_are_named() -> None:
    message = refused(truth().drop(columns=["employee_count_truth", "filename"]), texts())
    assert "ground truth lacks the columns filename, employee_count_truth: it has cik" in message
    message = refused(truth(), texts().drop(columns="text"))
    assert "filings' texts lacks the columns text: it has filename." in message
    only = {"hq_state": shipped_questions()["hq_state"]}
    assert usable_filings(truth().drop(columns="employee_count_truth"), texts(), only).answers


def test_a_filing_that_comes_twice_or_has_no_name() -> None:
    twice = truth(filename=["a.txt", "b.txt", "a.txt", "d.txt"])
    assert "ground truth has 'a.txt' more than once" in refused(twice, texts())
    assert "has 'd.txt' more than once" in refused(truth(), pd.concat([texts(), texts()[:1]]))
    nameless = truth(filename=["a.txt", None, "c.txt", " "])
    assert "ground truth has no 'filename' in rows 1, 3." in refused(nameless, texts())


def test_the_file_itself_may_be_read_with_or_without_missing_values(tmp_path) -> None:
    truth().fillna("NULL").to_csv(tmp_path / "truth.csv", index=False)
    as_read = usable(pd.read_csv(tmp_path / "truth.csv"), texts())
    as_text = usable(pd.read_csv(tmp_path / "truth.csv", dtype=str, keep_default_na=False), texts())
    assert as_read == as_text == usable(truth(), texts())
    assert re.fullmatch(r"\d+", as_read.answers["inc_year"]["a.txt"])
