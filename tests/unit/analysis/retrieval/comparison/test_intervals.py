"""Intervals hold the truth, are those of means where they can be, and are missing where they must.

How often, at more sizes and for more findings: ``tests/soak/coverage``.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.analysis.retrieval.comparison.compared import Found, Masked, Ranked
from circuit_scaling.analysis.retrieval.comparison.every import (
    accuracies_compared,
    rankings_compared,
)
from circuit_scaling.analysis.retrieval.comparison.findings import as_tables
from circuit_scaling.analysis.retrieval.comparison.intervals import (
    drop_intervals,
    ranking_intervals,
)
from circuit_scaling.analysis.retrieval.comparison.roles import ModelPair, question_kinds
from circuit_scaling.analysis.retrieval.comparison.samples import (
    SampledAnswers,
    SampledScores,
    Scored,
)
from circuit_scaling.analysis.retrieval.comparison.settings import ComparisonSettings
from circuit_scaling.analysis.retrieval.comparison.study_masking import masking_findings
from circuit_scaling.analysis.retrieval.comparison.study_rankings import ranking_findings
from circuit_scaling.statistics.clusters import cluster_totals
from circuit_scaling.statistics.means import cluster_means
from tests.helpers.sampled_retrieval import MODELS, SMALL, Answers, Heads, score_tables

SETTINGS = ComparisonSettings(top=4, layer_top=2, frequent=6, consensus_rank=6, n_boot=60)
KINDS = question_kinds(SMALL.questions, {})
PAIRS = [ModelPair(*MODELS)]


def test_interval_of_a_drop_is_that_of_the_filings_means() -> None:
    """Where all filings are asked everything, by `cluster_means`, and cut at the ends of a drop."""
    results, answers = Answers.falling(SMALL).drawn(12, np.random.default_rng(3))
    found = accuracies_compared(results, answers, KINDS)
    low, high = found.intervals["drop_at_k_by_method"]
    groups = next(f.groups for f in found.found if f.finding == "drop_at_k_by_method")
    for at, group in enumerate(groups):
        method, k = group.split("|")
        rows = answers[(answers["method"] == method) & (answers["n_heads"] == int(k))]
        rows = rows[rows["set_type"] == "hero"]
        drops = np.stack(rows["baseline_right"].to_list()) - np.stack(rows["right"].to_list())
        means = cluster_means(cluster_totals(drops.mean(axis=0)[None], range(12)))
        np.testing.assert_allclose([low[at], high[at]], [means.low[0], means.high[0]], atol=1e-9)


def test_intervals_hold_the_truth() -> None:
    """Ten filings: a drop of an accuracy, a mean rank and its change, an overlap."""
    rng = np.random.default_rng(0)
    answers, heads = Answers.falling(SMALL), Heads.alike(SMALL, 1.5)
    truth = {f.finding: f.values for f in masking_findings(answers.expected(), KINDS)}
    table = Ranked.of(score_tables(SMALL, heads.drawn(1, rng))[0])
    drawn: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    for _ in range(120):
        for f in _study(_samples(table, heads.drawn(10, rng)).ranked):
            drawn[f.finding].append(f.values)
    truth |= {name: np.mean(values, axis=0) for name, values in drawn.items()}
    spread = {name: np.std(values, axis=0) for name, values in drawn.items()}
    held: dict[str, list[NDArray[np.bool_]]] = defaultdict(list)
    wide: dict[str, list[float]] = defaultdict(list)
    for _ in range(20):
        results, given = answers.drawn(10, rng)
        sampled = SampledAnswers.of(Masked.of(results), given)
        found = {**drop_intervals(sampled, lambda masked: masking_findings(masked, KINDS))}
        found |= ranking_intervals(_samples(table, heads.drawn(10, rng)), _study, 30, rng)
        for name in ("drop_at_k_by_method", "f1_mean_rank", "f4_rank_change", "method_overlap"):
            low, high = found[name]
            held[name].append((low <= truth[name]) & (truth[name] <= high))
            if name in spread:  # as wide as a t interval with the true standard error
                wide[name].append(np.mean(high - low) / (4.52 * np.mean(spread[name])))
    for name, values in held.items():
        assert np.mean(values) > 0.86, name
    for name, ratios in wide.items():
        assert 0.8 < np.mean(ratios) < 1.6, name


def _study(ranked: Ranked) -> list[Found]:
    return ranking_findings(ranked, SETTINGS, KINDS, PAIRS)


def _samples(table: Ranked, scores: NDArray[np.float64]) -> SampledScores:
    """Of a table with these scores, without making one."""
    filings = [f"{at:02d}" for at in range(scores.shape[4])]
    cells = [
        Scored(at, cluster_totals(scores[at].T, filings), np.arange(len(filings)))
        for at in np.ndindex(scores.shape[0], scores.shape[1], scores.shape[2], scores.shape[3])
    ]
    known = SampledScores(table, tuple(filings), tuple(cells))
    return replace(known, ranked=known.weighted(np.ones(len(filings))))


def test_fewer_than_ten_filings_have_no_interval() -> None:
    """Neither all of them, nor those of what a finding rests on."""
    rng = np.random.default_rng(1)
    scores = Heads.alike(SMALL, 1.0).drawn(12, rng)
    scores[1, :, :, :, 9:] = np.nan  # qrhead counts nine filings
    rankings, joint = score_tables(SMALL, scores)
    compared = rankings_compared(rankings, joint, SETTINGS, KINDS, PAIRS)
    groups = {f.finding: np.array(f.groups) for f in compared.found}
    for name in ("f1_mean_rank", "f4_rank_change", "f5_rank_sd", "f3_other_rank"):
        of_qrhead = np.char.startswith(groups[name], "qrhead")
        low, high = compared.intervals[name]
        assert np.isnan(low[of_qrhead]).all() and np.isnan(high[of_qrhead]).all(), name
        assert np.isfinite(low[~of_qrhead]).mean() > 0.9, name
    assert np.isfinite(compared.intervals["method_overlap"][0]).all()  # twelve, together
    for name in ("f1_consensus", "f5_rank_min", "f5_rank_max"):
        assert np.isnan(compared.intervals[name][0]).all()

    results, answers = Answers.falling(SMALL).drawn(12, rng)
    listed = [c for c in ("filings", "right", "baseline_right")]
    short = answers["question"] == "hq_state"
    for name in listed:
        answers[name] = [v[:9] if cut else v for v, cut in zip(answers[name], short, strict=True)]
    masked = SampledAnswers.of(Masked.of(results), answers)
    found = drop_intervals(masked, lambda table: masking_findings(table, KINDS))
    assert np.isnan(found["q1_mean_drop"][0]).tolist() == [False, False, True, True]
    assert np.isfinite(found["drop_at_k_by_method"][0]).all()
    few = drop_intervals(
        SampledAnswers.of(Masked.of(results), answers[short]),
        lambda table: masking_findings(table, KINDS),
    )
    assert all(np.isnan(low).all() for low, _ in few.values())


def test_intervals_are_the_same_again_and_follow_the_seed() -> None:
    """Resamples are drawn from the seed alone, and lie within what values can be."""
    ranked, joint = score_tables(SMALL, Heads.alike(SMALL, 3.0).drawn(10, np.random.default_rng(5)))
    samples = SampledScores.of(Ranked.of(ranked), joint)

    def found(seed: int) -> NDArray[np.float64]:
        intervals = ranking_intervals(samples, _study, 20, np.random.default_rng(seed))
        assert np.nanmin(intervals["f1_mean_rank"][0]) >= 1
        assert np.nanmin(intervals["method_overlap"][0]) >= 0
        assert np.nanmax(intervals["universal_share"][1]) <= 1
        return np.concatenate([np.concatenate(ends) for ends in intervals.values()])

    np.testing.assert_array_equal(found(0), found(0))
    assert not np.array_equal(found(0), found(1), equal_nan=True)


def test_tables_measured_elsewhere_have_findings_without_intervals() -> None:
    """What needs samples, answers or floors is absent with its reason; chance needs none."""
    rng = np.random.default_rng(0)
    rankings, joint = score_tables(SMALL, Heads.alike(SMALL, 1.0).drawn(10, rng))
    results, answers = Answers.falling(SMALL).drawn(10, rng)
    one = rankings_compared(rankings, joint[:0], SETTINGS, KINDS, PAIRS)
    other = accuracies_compared(results, answers[:0], KINDS)
    tables = as_tables([*one.found, *other.found], {**one.intervals, **other.intervals})
    present = tables.retrieval_findings.set_index("finding")
    with_ends = set(present.index[present["ci_low"].notna()])
    assert with_ends and all(name.endswith("_chance") for name in with_ends)
    absent = tables.absent_findings.set_index("finding")["reason"]
    assert {"ranking_ceiling", "answer_floor", "relative_drop_at_k"} <= set(absent.index)
    # One length has no other to compare with, and no kind has two questions.
    chance = absent.index[absent.index.str.endswith("_chance")]
    assert set(chance) == {"length_overlap_chance", "q2_union_chance"}
    assert not pd.isna(absent).any()
