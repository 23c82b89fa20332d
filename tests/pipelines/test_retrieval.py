"""The retrieval pipelines in the study: what they find, what they store, what they refuse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.vocabulary import QUESTION_IDS, RETRIEVAL_METHODS

MODEL = "mini_llama"


def test_every_head_is_ranked_by_every_method(study):
    rankings = study.load("head_rankings")
    assert set(rankings["method"]) == set(RETRIEVAL_METHODS)
    for _, rows in rankings.groupby(["method", "question", "token_length"]):
        assert sorted(rows["rank"]) == list(range(1, 65))
        scores = rows.sort_values("rank")["score"].dropna()
        assert scores.is_monotonic_decreasing


def test_the_embedded_model_answers_and_loses_its_answers_with_its_heads(study):
    summary = study.load("masking_summary").query("question == 'all'")
    most = summary[summary["n_heads"] == summary["n_heads"].max()]
    assert (most["baseline_accuracy"] >= 0.9).all()
    by_copying = most[most["method"].isin(["summed_attention", "wu24"])]
    assert len(by_copying) == 2
    assert (by_copying["accuracy"] < 0.3).all()
    assert (by_copying["random_accuracy"] > 0.6).all()
    assert (by_copying["accuracy_difference"] < -0.4).all()
    assert (by_copying["answer_logprob_difference"] < -1).all()


def test_single_samples_are_those_whose_means_are_scores_and_accuracies(study):
    scores = study.load("head_rankings").sort_values(["layer", "head"])
    by_ranking = dict(list(scores.groupby(["method", "question", "token_length"])["score"]))
    for row in study.load("joint_scores").itertuples():
        by_head = row.scores.reshape(len(row.filings), 64)
        expected = by_ranking[row.method, row.question, row.token_length]
        np.testing.assert_allclose(by_head.mean(axis=0), expected, rtol=1e-5, atol=1e-8)
    keys = ["method", "question", "token_length", "set_type", "n_heads", "draw"]
    answers = study.load("joint_answers").set_index(keys)
    results = study.load("ablation_results").set_index(keys).query("reason == ''")
    assert len(answers) == len(results)
    for right, accuracy in (("right", "accuracy"), ("baseline_right", "baseline_accuracy")):
        means = answers[right].map(np.mean)
        pd.testing.assert_series_equal(means, results[accuracy][means.index], check_names=False)


def test_random_sets_hold_none_of_the_best_heads(study):
    rankings, sets = study.load("head_rankings"), study.load(f"masked_heads__{MODEL}")
    largest = sets["n_masked"].max()
    best = rankings[rankings["rank"] <= largest].groupby(["question", "token_length"])
    taken = {key: set(zip(rows["layer"], rows["head"], strict=True)) for key, rows in best}
    for row in sets[sets["set_type"] == "random"].itertuples():
        heads = set(zip(row.layers, row.heads, strict=True))
        assert len(heads) == row.n_masked
        assert heads.isdisjoint(taken[row.question, row.token_length])


def test_heads_are_ranked_on_other_filings_than_they_are_masked_on(study):
    asked = study.load("joint_questions").groupby("split")["filing"].agg(set)
    answers = study.load(f"retrieval_answers__{MODEL}")
    decoded = study.load(f"decoded_answers__{MODEL}")
    assert asked["train"].isdisjoint(asked["test"])
    assert set(answers["filing"]) <= asked["test"]
    assert set(decoded["filing"]) <= asked["train"]


def test_prompts_have_the_lengths_and_the_document_where_they_say(study):
    for row in study.load(f"questions__{MODEL}").itertuples():
        assert len(row.tokens) == row.token_length
        assert row.needle_start < row.needle_end <= row.query_start < row.token_length
        assert not row.truncated
        assert row.answer_in_needle


def test_exports_begin_with_the_columns_of_the_comparison(study, test_data):
    folder = test_data / "08_reporting" / "tables"
    keys = ["method", "model", "question", "token_length"]
    rankings = pd.read_csv(folder / "head_rankings.csv")
    assert list(rankings)[:8] == [*keys, "layer", "head", "score", "rank"]
    results = pd.read_csv(folder / "ablation_results.csv")
    assert list(results)[:8] == [*keys, "n_heads", "set_type", "accuracy", "baseline_accuracy"]
    assert set(results["question"]) == set(QUESTION_IDS)
    assert set(results["set_type"]) == {"hero", "random"}


def test_findings_are_those_of_the_tables_with_intervals_over_filings(study):
    found = study.load("retrieval_findings").set_index(["finding", "group"])
    scores, results = study.load("head_rankings"), study.load("ablation_results")
    top = scores[(scores["rank"] <= 12) & ~((scores["method"] == "wu24") & (scores["score"] == 0))]
    sets = top.groupby(["method", "question"])[["layer", "head"]].apply(
        lambda rows: set(map(tuple, rows.to_numpy()))
    )
    overlaps = [
        len(sets["wu24", q] & sets["qrhead", q]) / len(sets["wu24", q] | sets["qrhead", q])
        for q in QUESTION_IDS
    ]
    overlap = found.loc[("method_overlap", "wu24|qrhead")]
    assert overlap["value"] == pytest.approx(np.mean(overlaps))
    best = results[(results["set_type"] == "hero") & (results["n_heads"] == 12)]
    for method, rows in best.groupby("method"):
        drop = found.loc[("drop_at_k_by_method", f"{method}|12")]
        fall = (rows["baseline_accuracy"] - rows["accuracy"]).mean()
        assert drop["value"] == pytest.approx(fall)
        assert drop["ci_low"] < fall < drop["ci_high"]
    checks = study.load("retrieval_checks")
    suspect = set(checks.loc[checks["outcome"] == "suspect", "check"])
    assert suspect == {"ranks on very few samples"}, "there are six training filings"


def test_masking_alone_from_stored_rankings_gives_the_same_answers(study, run, catalog):
    before = study.load(f"retrieval_answers__{MODEL}")
    run("retrieval_mask", namespaces=[f"retrieval_mask.{MODEL}"])
    after = catalog().load(f"retrieval_answers__{MODEL}")
    pd.testing.assert_frame_equal(before, after, check_exact=True)


@pytest.mark.parametrize(
    ("pipeline", "params", "words"),
    [
        ("retrieval_mask", {"retrieval": {"max_new_tokens": 3}}, "--pipelines retrieval_detect"),
        ("retrieval_detect", {"retrieval": {"asks": {"lengths": [40]}}}, "Raise 'lengths'"),
        ("retrieval_detect", {"retrieval": {"asks": {"lengths": [9999]}}}, "model can read"),
        ("retrieval_detect", {"retrieval": {"asks": {"questions": ["age"]}}}, "questions"),
        ("retrieval_mask", {"masking": {"ks": []}}, "masking"),
    ],
)
def test_what_cannot_be_run_is_one_line(study, run, pipeline, params, words):
    with pytest.raises(CircuitScalingError, match=words):
        run(pipeline, params=params)
