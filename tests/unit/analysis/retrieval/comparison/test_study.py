"""Every finding of the study, for every group, is what loops over the rows of the tables give."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.retrieval.comparison.compared import (
    Found,
    Masked,
    Ranked,
    first_ablation,
)
from circuit_scaling.analysis.retrieval.comparison.roles import model_pairs, question_kinds
from circuit_scaling.analysis.retrieval.comparison.settings import ComparisonSettings
from circuit_scaling.analysis.retrieval.comparison.study_masking import masking_findings
from circuit_scaling.analysis.retrieval.comparison.study_rankings import ranking_findings
from tests.helpers import compared_tables as tables
from tests.helpers import findings_oracle as oracle

SETTINGS = ComparisonSettings(top=4, layer_top=3, frequent=5, consensus_rank=5.5, n_boot=10)
OF_RANKINGS = {
    *("q2_jaccard_of_unions", "q4_layer_frequency", "q4_head_frequency"),
    *("f1_mean_rank", "f1_consensus", "f2_layer_share", "f3_specialist_rank", "f3_other_rank"),
    *("f4_rank_change", "f5_rank_sd", "f5_rank_min", "f5_rank_max", "f6_gap"),
    *("f7_overlap_mean", "f7_overlap_sd", "method_pair_jaccard_of_unions", "universal_share"),
    *("question_overlap", "length_overlap", "method_overlap", "model_overlap"),
    "question_union_jaccard",
}
OF_MASKING = {
    *("q1_mean_drop", "q3_drop_mean", "q3_drop_sd", "drop_at_k_by_method", "drop_at_k_by_model"),
    *("drop_at_k_by_length", "random_drop_at_k_by_method", "drop_at_k", "random_drop_at_k"),
}
ALONE: dict[str, Callable[[tables.Cell], bool]] = {
    "everything": lambda cell: True,
    "one method": lambda cell: cell[0] == "wu24",
    "one model": lambda cell: cell[1] == "big",
    "one question": lambda cell: cell[2] == "inc_year",
    "one length": lambda cell: cell[3] == 128,
    "one cell": lambda cell: cell == ("wu24", "big", "inc_state", 64),
}
OWN = {"hq_state": "where", "inc_year": "when", "inc_state": "which", "employee_count": "how_many"}
TOLD = {"when": "numerical", "how_many": "numerical", "which": "numerical"}


def of_rankings(frame: pd.DataFrame, told: dict[str, str] | None = None) -> list[Found]:
    ranked = Ranked.of(frame)
    kinds = question_kinds(ranked.axes.questions, told or {})
    return ranking_findings(ranked, SETTINGS, kinds, model_pairs(ranked.axes.models, []))


def expected_of_rankings(frame: pd.DataFrame, kinds: dict[str, str]) -> oracle.Expected:
    names = set(frame["model"])
    pairs = [("tiny_base", "tiny_instruct"), ("big", "big_instruct")]
    pairs = [pair for pair in pairs if set(pair) <= names]
    return oracle.of_rankings(frame, oracle.Defined(kinds, pairs, 4, 3, 5, 5.5))


def assert_same(found: Sequence[Found], expected: oracle.Expected, ids: set[str]) -> None:
    assert [block.finding for block in found] == list({block.finding: 0 for block in found})
    assert {block.finding for block in found} == ids
    for block in found:
        wanted = expected.get(block.finding, {})
        there = ~np.isnan(block.values)
        groups = np.array(block.groups, dtype=object)
        assert len(set(groups)) == len(groups) == len(block.n), block.finding
        assert set(groups[there]) == set(wanted), block.finding
        values, n = np.array([wanted[group] for group in groups[there]]).reshape(-1, 2).T
        np.testing.assert_allclose(block.values[there], values, 0, 1e-9, err_msg=block.finding)
        np.testing.assert_array_equal(block.n[there], n, err_msg=block.finding)


KINDS = {
    **dict.fromkeys(("inc_state", "hq_state"), "categorical"),
    **dict.fromkeys(("inc_year", "employee_count"), "numerical"),
}


@pytest.mark.parametrize("alone", ALONE)
def test_rankings(alone: str) -> None:
    frame = tables.head_rankings(keep=ALONE[alone])
    assert_same(of_rankings(frame), expected_of_rankings(frame, KINDS), OF_RANKINGS)


@pytest.mark.parametrize("alone", ALONE)
def test_accuracies(alone: str) -> None:
    frame = tables.ablation_results(seed=1, keep=ALONE[alone])
    masked = Masked.of(first_ablation(frame))
    zero = frame[frame["ablation"] == "zero"]
    found = masking_findings(masked, question_kinds(masked.axes.questions, {}))
    assert_same(found, oracle.of_masking(zero, KINDS), OF_MASKING)


def test_the_tables_have_what_is_easy_to_get_wrong() -> None:
    expected = expected_of_rankings(tables.head_rankings(), KINDS)
    means, f5, f4 = (expected[id_] for id_ in ("f1_mean_rank", "f5_rank_sd", "f4_rank_change"))
    assert {group for group in means if group.startswith("wu24")} > {
        group for group in f5 if group.startswith("wu24")
    }
    assert set(means) > set(f4)
    assert 0 < sum(value for value, _ in expected["f1_consensus"].values()) < len(tables.HEADS)
    assert expected["f2_layer_share"]["wu24|2"][0] == 0
    assert len({n for _, n in expected["model_overlap"].values()}) > 1


def test_questions_of_ones_own() -> None:
    rankings = tables.head_rankings(seed=2).replace({"question": OWN})
    found = of_rankings(rankings, TOLD)
    assert_same(found, expected_of_rankings(rankings, TOLD), OF_RANKINGS)
    accuracies = tables.ablation_results().replace({"question": OWN})
    accuracies = accuracies[accuracies["ablation"] == ""]
    masked = Masked.of(first_ablation(accuracies))
    assert_same(masking_findings(masked, TOLD), oracle.of_masking(accuracies, TOLD), OF_MASKING)
    by_id = {block.finding: dict(zip(block.groups, block.values, strict=True)) for block in found}
    assert np.isnan(by_id["q2_jaccard_of_unions"]["between"])


def test_groups_do_not_depend_on_ranks_and_empty_tops_have_no_overlap() -> None:
    frame = tables.head_rankings()
    beyond = 4 * (frame["question"] == "inc_year").astype(int)
    found, few = of_rankings(frame), of_rankings(frame.assign(rank=frame["rank"] + beyond))
    assert [block.groups for block in found] == [block.groups for block in few]
    with_year = {
        block.finding: block.values[["inc_year" in group for group in block.groups]]
        for block in few
    }
    assert np.isnan(with_year["model_overlap"]).all()
    assert (with_year["question_overlap"][~np.isnan(with_year["question_overlap"])] == 0).all()
    assert (with_year["question_union_jaccard"] == 0).all()


def test_rankings_of_no_samples_are_none() -> None:
    """Wu24 has no score where nothing is answered, and the order of the heads as ranks."""
    frame = tables.head_rankings()
    nothing = (frame["method"] == "wu24") & (frame["question"] == "inc_year")
    measured, nothing = frame[~nothing], frame[nothing].assign(score=np.nan, n_samples=0.0)
    found = of_rankings(pd.concat([measured.assign(n_samples=9.0), nothing]))
    assert_same(found, expected_of_rankings(measured, KINDS), OF_RANKINGS)


def test_of_several_ablations_zero_comes_first() -> None:
    frame = tables.ablation_results()
    for left_out, first in (([], "zero"), (["zero"], "mean"), (["zero", "mean"], "")):
        some = frame[~frame["ablation"].isin(left_out)]
        assert set(first_ablation(some)["ablation"]) == {first}
