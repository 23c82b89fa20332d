"""Best heads against random heads: tables made by hand, with a truth that is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.retrieval.masking import ablation_results, summarise_masks
from circuit_scaling.statistics.shares import within_bounds
from circuit_scaling.tables.retrieval import MASKING_SUMMARY, MODEL_ABLATIONS

N = 12
DRAWS = 4
STATES = ["Ohio", "Utah", "Iowa", "Texas", "Maine", "Nevada"]
# Right answers of 12, by the set of heads that is masked.
RIGHT = {"baseline": 12, "hero": 3, "random": [12, 11, 10, 9]}


def answered(question: str, set_id: str, right: int, logprob: float) -> pd.DataFrame:
    """The first ``right`` filings are answered rightly; log-probabilities lie about ``logprob``."""
    places = np.arange(N)
    return pd.DataFrame(
        {
            "set_id": set_id,
            "question_id": [f"{question}/{i}.txt/96/0.5" for i in places],
            "question": question,
            "token_length": 96,
            "filing": [f"{i}.txt" for i in places],
            "answer": [STATES[i % 6] if "state" in question else str(1900 + i) for i in places],
            "generated": "",
            "right": places < right,
            "right_study": places < right + 1,
            "answer_logprob": logprob + np.linspace(-1, 1, N),
        }
    )


def tables(
    questions: dict[str, dict[str, Any]], shared: bool = True
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Sets, answers and questions of a model, with two methods and one number of heads."""
    sets, answers, asked = [], [], []
    for question, right in questions.items():
        asked.append({"question": question, "kind": "state" if "state" in question else "year"})
        rows: list[tuple[str, str, int, int, float]] = [
            ("baseline", "", 0, right["baseline"], -1.0)
        ]
        rows += [("hero", method, 0, right["hero"], -9.0) for method in ("wu24", "qrhead")]
        for method in [""] if shared else ["wu24", "qrhead"]:
            rows += [
                ("random", method, draw, of_draw, -2.0 - draw)
                for draw, of_draw in enumerate(right["random"])
            ]
        for set_type, method, draw, n_right, logprob in rows:
            set_id = f"{question}/96/{set_type}/{method}/{draw}"
            sets.append(
                {
                    "set_id": set_id,
                    "question": question,
                    "token_length": 96,
                    "set_type": set_type,
                    "method": method,
                    "n_masked": 0 if set_type == "baseline" else 2,
                    "draw": draw,
                    "layers": [] if set_type == "baseline" else [0, 1],
                    "heads": [] if set_type == "baseline" else [draw, 3],
                    "reason": "",
                }
            )
            answers.append(answered(question, set_id, n_right, logprob))
    model = {"family": "f", "model": "m", "n_layers": 2, "n_heads": 4, "fingerprint": "x"}
    frames = (pd.DataFrame(sets), pd.concat(answers).assign(ablation="zero"))
    return *(frame.assign(**model) for frame in frames), pd.DataFrame(asked)


@pytest.fixture(scope="module")
def one() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    return tables({"inc_year": RIGHT})


def test_results_have_a_row_for_each_method_set_and_ablation(one):
    sets, answers, _ = one
    results = MODEL_ABLATIONS.validate(ablation_results(sets, answers))
    assert len(results) == 2 * (1 + DRAWS)
    for _, rows in results.groupby("method"):
        random = rows[rows["set_type"] == "random"].sort_values("draw")
        np.testing.assert_allclose(random["accuracy"], np.array(RIGHT["random"]) / N)
        np.testing.assert_allclose(random["answer_logprob"], [-2, -3, -4, -5])
        (top,) = rows[rows["set_type"] == "hero"].to_dict("records")
        assert (top["accuracy"], top["accuracy_study"]) == (3 / N, 4 / N)
        assert (top["baseline_accuracy"], top["n_samples"]) == (1, N)
        assert top["baseline_answer_logprob"] == pytest.approx(-1)


def test_a_set_that_does_not_exist_has_its_reason_instead_of_numbers(one):
    sets, answers, questions = one
    lost = (sets["set_type"] == "hero") & (sets["method"] == "wu24")
    sets = sets.assign(reason=sets["reason"].mask(lost, "too few"))
    answers = answers[~answers["set_id"].isin(sets.loc[lost, "set_id"])]
    results = MODEL_ABLATIONS.validate(ablation_results(sets, answers))
    (row,) = results[results["reason"] != ""].to_dict("records")
    assert np.isnan(row["accuracy"]) and (row["baseline_accuracy"], row["n_samples"]) == (1, 0)
    summary = MASKING_SUMMARY.validate(summarise_masks(sets, answers, questions))
    for _, row in summary[summary["method"] == "wu24"].iterrows():
        assert row["reason"] == "too few" and row["n_random"] == DRAWS
        assert np.isnan(row[["accuracy", "accuracy_difference", "p_accuracy"]].astype(float)).all()
        assert row["random_accuracy"] == pytest.approx(np.mean(RIGHT["random"]) / N)


def test_the_summary_is_the_closed_form(one):
    """Sums of 12 by hand; the exact intervals from a table of the binomial distribution."""
    summary = MASKING_SUMMARY.validate(summarise_masks(*one))
    assert summary["question"].tolist() == ["inc_year", "all"] * 2
    row = summary.iloc[0]
    assert (row["n_samples"], row["n_filings"], row["n_random"], row["answered"]) == (N, N, 4, True)
    assert row["floor"] == pytest.approx(1 / N)
    assert (row["baseline_accuracy"], row["accuracy"]) == (1, 3 / N)
    assert row["random_accuracy"] == pytest.approx(42 / 48)
    assert row["accuracy_difference"] == pytest.approx(3 / N - 42 / 48)
    assert row["answer_logprob_difference"] == pytest.approx(-9 + 3.5)
    # 0.025^(1/12); and P(X >= 3) = P(X <= 3) = 0.025 at these shares.
    assert row["baseline_accuracy_low"] == pytest.approx(0.7354, abs=1e-4)
    assert row["baseline_accuracy_high"] == 1
    assert row["accuracy_low"] == pytest.approx(0.0549, abs=1e-4)
    assert row["accuracy_high"] == pytest.approx(0.5719, abs=1e-4)
    # None of four random sets does as much harm.
    assert (row["p_accuracy"], row["p_answer_logprob"]) == (1 / 5, 1 / 5)
    assert row["random_accuracy_from"] == pytest.approx((9 + 0.075) / N)
    assert row["random_answer_logprob_to"] == pytest.approx(-2.075)


def test_the_difference_is_paired(one):
    """Samples differ by 2 nats, and all by the same difference: its interval is a point."""
    row = summarise_masks(*one).iloc[0]
    assert row["answer_logprob_high"] - row["answer_logprob_low"] > 0.5
    assert row["answer_logprob_difference_low"] == pytest.approx(row["answer_logprob_difference"])
    # That of accuracies is not: the first three are right under all sets.
    expected = np.array([0, 0, 0, *[-1] * 6, -3 / 4, -2 / 4, -1 / 4])
    assert row["accuracy_difference"] == pytest.approx(expected.mean())
    assert row["accuracy_difference_low"] < expected.mean() < row["accuracy_difference_high"] < 0


def test_matched_random_sets_are_those_of_their_method():
    sets, answers, questions = tables({"inc_year": RIGHT}, shared=False)
    other = answers["set_id"].str.contains("random/qrhead")
    answers = answers.assign(right=answers["right"] & ~other)
    by_method = summarise_masks(sets, answers, questions).set_index(["method", "question"])
    assert by_method.loc[("wu24", "inc_year"), "random_accuracy"] == pytest.approx(42 / 48)
    assert by_method.loc[("qrhead", "inc_year"), "random_accuracy"] == 0
    results = ablation_results(sets, answers)
    assert (results.groupby(["method", "set_type"]).size() == [1, DRAWS] * 2).all()


def test_questions_that_are_not_answered_are_left_out_of_all():
    """hq_state: the commonest answer is right in 2 of 12; 4 of 12 are not told from that."""
    lost = {"baseline": 4, "hero": 4, "random": [4] * DRAWS}
    better = {"baseline": 12, "hero": 9, "random": [12, 12]}
    summary = summarise_masks(
        *tables({"inc_year": RIGHT, "hq_state": lost, "inc_state": better})
    ).set_index(["method", "question"])
    of_method = summary.loc["qrhead"]
    assert of_method["answered"].to_dict() == {
        "inc_year": True, "hq_state": False, "inc_state": True, "all": True
    }  # fmt: skip
    assert of_method.loc["hq_state", "floor"] == pytest.approx(2 / 12)
    every = of_method.loc["all"]
    assert (every["n_samples"], every["n_filings"]) == (2 * N, N)
    assert every["floor"] == pytest.approx((1 / 12 + 2 / 12) / 2)
    assert every["accuracy"] == pytest.approx((3 + 9) / 24)
    # Draws that both questions have, one beside the other.
    assert every["n_random"] == 2
    assert every["random_accuracy"] == pytest.approx((12 + 11 + 12 + 12) / 48)
    assert every["p_accuracy"] == pytest.approx(1 / 3)
    none = summarise_masks(*tables({"hq_state": lost}))
    assert none["question"].tolist() == ["hq_state"] * 2


def test_a_filing_that_is_asked_about_twice_is_one_observation(one):
    """The same answers at a second depth say nothing new."""
    sets, answers, questions = one
    again = answers.assign(question_id=answers["question_id"] + "5")
    twice = summarise_masks(sets, pd.concat([answers, again]), questions)
    once = summarise_masks(sets, answers, questions)
    assert (twice["n_samples"] == 2 * once["n_samples"]).all()
    same = [name for name in once if once[name].dtype == float]
    np.testing.assert_allclose(twice[same], once[same], rtol=1e-12)


def test_without_random_sets_there_is_no_comparison(one):
    sets, answers, questions = one
    kept = sets[sets["set_type"] != "random"]
    summary = MASKING_SUMMARY.validate(
        summarise_masks(kept, answers[answers["set_id"].isin(kept["set_id"])], questions)
    )
    assert set(summary["reason"]) == {"no random sets"}
    assert (summary["n_random"] == 0).all() and summary["p_accuracy"].isna().all()
    assert (summary["accuracy"] == 3 / N).all() and summary["accuracy_difference"].isna().all()


def test_few_filings_have_no_interval_of_means(one):
    sets, answers, questions = one
    few = answers[answers["filing"].isin([f"{i}.txt" for i in range(9)])]
    row = summarise_masks(sets, few, questions).iloc[0]
    intervals = ["random_accuracy_low", "accuracy_difference_high", "answer_logprob_low"]
    assert row[intervals].isna().all()
    assert row["accuracy_low"] > 0  # exact, however few they are


def test_a_point_is_no_interval_of_a_share():
    """Of 12 equal values: 0.025 = P(all equal) where 1 - 0.025^(1/12) of all there are differ."""
    unseen = 1 - 0.025 ** (1 / 12)
    assert within_bounds(1.0, (1.0, 1.0), 12, (0, 1)) == pytest.approx((1 - unseen, 1))
    assert within_bounds(-1.0, (-1.0, -1.0), 12, (-1, 1)) == pytest.approx((-1, -1 + 2 * unseen))
    assert within_bounds(0.9, (0.7, 1.1), 12, (0, 1)) == (0.7, 1)
    assert np.isnan(within_bounds(0.9, (np.nan, np.nan), 12, (0, 1))).all()
