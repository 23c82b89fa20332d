"""Rankings and accuracies that are made anew, against tables in which filings stand repeatedly."""

from __future__ import annotations

import numpy as np
import pytest

from circuit_scaling.analysis.retrieval.comparison.compared import Masked, Ranked
from circuit_scaling.analysis.retrieval.comparison.samples import SampledAnswers, SampledScores
from tests.helpers.sampled_retrieval import SMALL, Answers, Heads, score_tables


def test_rankings_are_those_of_the_filings_that_count() -> None:
    """Whole weights are repetitions; equal scores go by head; a ranking of nothing is not there."""
    rng = np.random.default_rng(0)
    scores = Heads.alike(SMALL, 1.0).drawn(4, rng)
    scores[..., 5:8] = 0.25  # three heads that are always equal
    scores[0, 1, :, :, 2:] = np.nan  # some samples do not count
    ranked = Ranked.of(score_tables(SMALL, scores)[0])
    samples = SampledScores.of(ranked, score_tables(SMALL, scores)[1])
    same = samples.weighted(np.ones(4))
    np.testing.assert_allclose(same.scores, ranked.scores, atol=1e-12)
    np.testing.assert_array_equal(same.ranks, ranked.ranks)

    weights = [2, 1, 0, 3]
    again = samples.weighted(np.array(weights, float))
    drawn = np.repeat(scores, weights, axis=4)
    for at in np.ndindex(*SMALL.shape):
        means = [float(np.nanmean(drawn[at][:, head])) for head in range(24)]
        order = sorted(range(24), key=lambda head, means=means: (-round(means[head], 9), head))
        assert [order.index(head) + 1 for head in range(24)] == again.ranks[at].tolist()
        np.testing.assert_allclose(again.scores[at], means)

    gone = samples.weighted(np.array([0.0, 0, 1, 1]))
    assert np.isnan(gone.ranks[0, 1]).all() and np.isnan(gone.scores[0, 1]).all()
    assert not np.isnan(gone.ranks[1]).any()
    present = samples.present()
    assert not present[2:, 0, 1].any() and present[:2].all() and present[:, 1].all()


def test_a_filing_may_come_several_times() -> None:
    """Then it is one observation of several samples."""
    rng = np.random.default_rng(1)
    rankings, scores = score_tables(SMALL, Heads.alike(SMALL, 1.0).drawn(4, rng))
    twice = scores.assign(filings=[["a", "b", "a", "c"]] * len(scores))
    samples = SampledScores.of(Ranked.of(rankings), twice)
    assert samples.filings == ("a", "b", "c")
    without = samples.weighted(np.array([0.0, 1, 1])).scores[0, 0, 0, 0]
    given = np.reshape(scores["scores"].iloc[0], (4, -1))
    np.testing.assert_allclose(without, (given[1] + given[3]) / 2)


def test_accuracies_are_those_of_the_filings_that_count() -> None:
    """Of every set, one row after the other; random ones as the mean over their draws."""
    rng = np.random.default_rng(2)
    results, answers = Answers.falling(SMALL).drawn(5, rng)
    masked = Masked.of(results)
    samples = SampledAnswers.of(masked, answers)
    weights = np.array([1.0, 0, 2, 1, 0])
    again = samples.weighted(weights)
    seen: dict[tuple[object, ...], list[float]] = {}
    for row in answers.to_dict("records"):
        at = (row["method"], row["model"], row["question"], row["token_length"])
        right = sum(w * r for w, r in zip(weights, row["right"], strict=True)) / 4
        clean = sum(w * r for w, r in zip(weights, row["baseline_right"], strict=True)) / 4
        seen.setdefault((*at, row["set_type"], row["n_heads"]), []).append(right)
        seen.setdefault((*at, "clean", 0), []).append(clean)
    for (*key, kind, k), values in seen.items():
        place = tuple(axis.index(one) for axis, one in zip(masked.axes, key, strict=True))
        found = again.baseline[place]
        if kind != "clean":
            found = (again.hero if kind == "hero" else again.random)[place][masked.ks.index(k)]
        assert found == pytest.approx(sum(values) / len(values), abs=1e-12)
    same = samples.weighted(np.ones(5))
    for name in ("baseline", "hero", "random"):
        np.testing.assert_allclose(getattr(same, name), getattr(masked, name), atol=1e-12)
