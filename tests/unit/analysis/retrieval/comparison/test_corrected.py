"""Floors, relative drops, concentration and ceilings against plain loops and planted rankings."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import numpy as np
import pytest

from circuit_scaling.analysis.retrieval.comparison.compared import Found, Masked, Ranked
from circuit_scaling.analysis.retrieval.comparison.corrected import (
    Floors,
    concentration_finding,
    drop_findings,
    floor_finding,
    reliability_findings,
)
from circuit_scaling.analysis.retrieval.comparison.samples import SampledScores
from tests.helpers.sampled_retrieval import SMALL, Answers, Heads, score_tables


def _values(found: Found) -> dict[str, float]:
    return dict(zip(found.groups, found.values, strict=True))


def test_drops_are_shares_of_what_there_was_to_lose() -> None:
    """Only over configurations that are answered, and that have the set."""
    rng = np.random.default_rng(0)
    results, answers = Answers.falling(SMALL).drawn(12, rng)
    at = answers["question"] + answers["model"]
    floors = dict(zip(at.unique(), rng.uniform(0, 0.3, at.nunique()), strict=True))
    unknown = "hq_statemini_llama"
    answers = answers.assign(floor=at.map(floors), answered=at != unknown)
    gone = (results["method"] == "qrhead") & (results["n_heads"] == 12)
    gone &= (results["set_type"] == "hero") & (results["question"] == "inc_year")
    results.loc[gone, "accuracy"] = np.nan
    masked = Masked.of(results)
    of = Floors.of(masked.axes, answers)
    found = {f.finding: f for f in drop_findings(masked, of)}

    lost: dict[tuple[str, ...], list[tuple[float, float]]] = defaultdict(list)
    beyond: dict[str, list[float]] = defaultdict(list)
    for row in results[results["set_type"] == "hero"].to_dict("records"):
        key = row["question"] + row["model"]
        if key == unknown or np.isnan(row["accuracy"]):
            continue
        names = ("method", "model", "question", "token_length", "n_heads")
        method, model, question, length, k = (str(row[name]) for name in names)
        drop = row["baseline_accuracy"] - row["accuracy"]
        both = drop, row["baseline_accuracy"] - floors[key]
        lost["relative_drop_at_k", f"{method}|{question}|{k}"].append(both)
        lost["relative_drop_at_k_by_method", f"{method}|{k}"].append(both)
        lost["relative_drop_at_k_by_model", f"{model}|{k}"].append(both)
        lost["relative_drop_at_k_by_question", f"{question}|{k}"].append(both)
        lost["relative_drop_at_k_by_length", f"{length}|{k}"].append(both)
        same = [results[name] == row[name] for name in names]
        sets = results[np.logical_and.reduce(same) & (results["set_type"] == "random")]
        others = sets["accuracy"].tolist()
        beyond[f"{method}|{k}"].append(sum(others) / len(others) - row["accuracy"])
    for (name, group), values in lost.items():
        expected = sum(drop for drop, _ in values) / sum(whole for _, whole in values)
        assert _values(found[name])[group] == pytest.approx(expected, abs=1e-12)
        assert dict(zip(found[name].groups, found[name].n, strict=True))[group] == len(values)
    for group, drops in beyond.items():
        expected = sum(drops) / len(drops)
        assert _values(found["drop_beyond_random_at_k"])[group] == pytest.approx(expected)
    assert np.isnan(_values(found["relative_drop_at_k"])["qrhead|inc_year|12"])
    of_question = _values(floor_finding(masked, of))
    for question in SMALL.questions:
        expected = sum(floors[question + model] for model in SMALL.models) / 2
        assert of_question[question] == pytest.approx(expected)


def test_without_answers_there_is_no_floor() -> None:
    """As in a table measured elsewhere; and what no model answers says so."""
    results, answers = Answers.falling(SMALL).drawn(12, np.random.default_rng(0))
    masked = Masked.of(results)
    elsewhere = Floors.of(masked.axes, answers[:0])
    for found in (*drop_findings(masked, elsewhere), floor_finding(masked, elsewhere)):
        assert np.isnan(found.values).all()
        assert "measured elsewhere" in found.why
    never = Floors.of(masked.axes, answers.assign(answered=False))
    for found in drop_findings(masked, never):
        assert np.isnan(found.values).all()
        assert "answers no question" in found.why


def test_concentration_needs_every_head() -> None:
    """Mean over rankings; those that lack a head are left out."""
    rng = np.random.default_rng(0)
    ranked = Ranked.of(score_tables(SMALL, Heads.alike(SMALL, 1.0).drawn(12, rng))[0])
    ranked.scores[0, 0, 0, 0, 3] = np.nan
    ranked.scores[1, ..., 2] = np.nan
    found = concentration_finding(ranked)
    values = []
    for model, question in product(range(2), range(2)):
        scores = np.maximum(ranked.scores[0, model, question, 0], 0)
        if not np.isnan(scores).any():
            difference = np.abs(scores[:, None] - scores).mean()
            values.append(difference / (2 * scores.mean()))
    assert found.values[0] == pytest.approx(np.mean(values))
    assert found.n.tolist() == [3, 0] and np.isnan(found.values[1])


def test_ceiling_is_the_overlap_of_new_rankings_from_half_as_many_filings() -> None:
    """Without bias, for little and for much noise; none with fewer than ten filings."""
    rng = np.random.default_rng(0)
    for noise in (0.4, 2.0):
        population = Heads.alike(SMALL, noise)
        estimates, truth = [], []
        for _ in range(25):
            tables = score_tables(SMALL, population.drawn(12, rng))
            samples = SampledScores.of(Ranked.of(tables[0]), tables[1])
            each, ceiling = reliability_findings(samples, 4, rng)
            per_method = each.values.reshape(2, -1).mean(axis=1)
            np.testing.assert_allclose(ceiling.values, per_method)
            estimates.append(ceiling.values.mean())
            halves = (population.drawn(6, rng).mean(axis=4) for _ in range(2))
            one, other = (np.argsort(-means, axis=-1)[..., :4] for means in halves)
            common = (one[..., :, None] == other[..., None, :]).sum(axis=(-1, -2))
            truth.append((common / (8 - common)).mean())
        error = np.hypot(np.std(estimates), np.std(truth)) / 5
        assert np.mean(estimates) == pytest.approx(np.mean(truth), abs=3.5 * error)
        assert error < 0.04
    few = score_tables(SMALL, population.drawn(9, rng))
    for found in reliability_findings(SampledScores.of(Ranked.of(few[0]), few[1]), 4, rng):
        assert np.isnan(found.values).all()
