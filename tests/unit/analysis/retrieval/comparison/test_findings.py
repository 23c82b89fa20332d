"""The tables of findings: every value is a row, and every value that is not there has a reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.retrieval.comparison.compared import Found
from circuit_scaling.analysis.retrieval.comparison.findings import (
    FindingTables,
    as_tables,
)
from circuit_scaling.analysis.retrieval.comparison.roles import ModelPair
from circuit_scaling.analysis.retrieval.comparison.settings import ComparisonSettings
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.tables.retrieval import (
    ABLATION_RESULTS,
    ABSENT_FINDINGS,
    HEAD_RANKINGS,
    RETRIEVAL_FINDINGS,
)
from tests.helpers import compared_tables as tables

SETTINGS = ComparisonSettings(top=4, layer_top=3, frequent=5, consensus_rank=5.5, n_boot=10)
KINDS = {"inc_year": "numerical", "employee_count": "numerical"}
PAIRS = [ModelPair("tiny_base", "tiny_instruct"), ModelPair("nobody", "big")]
NO_RANKINGS, NO_ACCURACIES = HEAD_RANKINGS.empty(), ABLATION_RESULTS.empty()


def made(rankings: pd.DataFrame, accuracies: pd.DataFrame) -> FindingTables:
    found = as_tables(tables.found_without_samples(rankings, accuracies, SETTINGS, KINDS, PAIRS))
    RETRIEVAL_FINDINGS.validate(found.retrieval_findings)
    ABSENT_FINDINGS.validate(found.absent_findings)
    return found


@pytest.fixture(scope="module")
def both() -> tuple[pd.DataFrame, pd.DataFrame]:
    return tables.head_rankings(), tables.ablation_results()


@pytest.fixture(scope="module")
def whole(both: tuple[pd.DataFrame, pd.DataFrame]) -> FindingTables:
    return made(*both)


def test_every_finding_has_rows_or_a_reason(
    both: tuple[pd.DataFrame, pd.DataFrame], whole: FindingTables
) -> None:
    blocks = tables.found_without_samples(*both, SETTINGS, KINDS, PAIRS)
    found, absent = whole
    assert found["ci_low"].isna().all()
    assert found["ci_high"].isna().all()
    for block in blocks:
        rows, reasons = (table[table["finding"] == block.finding] for table in (found, absent))
        missing = int(np.isnan(block.values).sum())
        assert len(rows) == len(block.groups) - missing
        assert (len(reasons) > 0) == (missing > 0)
    reason = absent.set_index(["finding", "group"])["reason"]
    assert "import.question_kinds" in reason["q3_drop_sd", "categorical"]
    assert reason["drop_at_k_by_model", "tiny_base|5"] == "no such set was masked"
    lacking = absent.groupby("finding")["group"].agg(list)
    assert lacking["q2_jaccard_of_unions"] == ["within_categorical", "between"]


@pytest.mark.parametrize("missing", ["head_rankings", "ablation_results"])
def test_one_table_alone_gives_what_rests_on_it(
    missing: str, both: tuple[pd.DataFrame, pd.DataFrame], whole: FindingTables
) -> None:
    none = {"head_rankings": (NO_RANKINGS, both[1]), "ablation_results": (both[0], NO_ACCURACIES)}
    found, absent = made(*none[missing])
    gone = absent[absent["reason"] == f"there is no table {missing}, or it has no rows"]
    assert set(gone["group"]) == {""}
    assert not set(gone["finding"]) & set(found["finding"])
    assert set(whole.retrieval_findings["finding"]) <= {*gone["finding"], *found["finding"]}
    kept = whole.retrieval_findings["finding"].isin(found["finding"])
    pd.testing.assert_frame_equal(found, whole.retrieval_findings[kept].reset_index(drop=True))


def test_without_rows_nothing_is_written() -> None:
    with pytest.raises(CircuitScalingError, match=r"no table head_rankings, .*ablation_results"):
        made(NO_RANKINGS, NO_ACCURACIES)


def test_reasons_that_many_groups_share_are_one_row_with_their_number() -> None:
    values = np.where(np.arange(40) < 30, np.nan, 1.0)
    groups = [f"g{place}" for place in range(40)]
    n = np.ones(40, np.int64)
    many = Found("many", groups, values, n, "too few")
    few = Found("few", groups[29:], values[29:], n[29:], "too few")
    none = Found("none", [], np.empty(0), np.empty(0, np.int64), "there are none")
    _, absent = as_tables([many, few, none])
    assert absent.to_numpy().tolist() == [
        ["many", "", 30, "too few"],
        ["few", "g29", 1, "too few"],
        ["none", "", 0, "there are none"],
    ]


def test_intervals_stand_beside_their_values() -> None:
    n = np.array([3, 4, 5])
    values = np.array([0.1, np.nan, 0.3])
    ends = np.array([0.0, 0.1, np.nan]), np.array([0.5, 0.6, np.nan])
    found, _ = as_tables([Found("a", ["x", "y", "z"], values, n)], {"a": ends})
    expected = {
        "finding": "a",
        "group": ["x", "z"],
        "value": [0.1, 0.3],
        "ci_low": [0.0, np.nan],
        "ci_high": [0.5, np.nan],
        "n": [3, 5],
    }
    pd.testing.assert_frame_equal(found, RETRIEVAL_FINDINGS.typed(pd.DataFrame(expected)))
