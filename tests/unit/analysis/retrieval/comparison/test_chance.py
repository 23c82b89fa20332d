"""Chance levels against rankings in random order."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from circuit_scaling.analysis.retrieval.comparison.chance import chance_findings
from circuit_scaling.analysis.retrieval.comparison.compared import Ranked
from circuit_scaling.analysis.retrieval.comparison.roles import ModelPair, question_kinds
from circuit_scaling.analysis.retrieval.comparison.settings import ComparisonSettings
from circuit_scaling.analysis.retrieval.comparison.study_rankings import ranking_findings
from tests.helpers.sampled_retrieval import MODELS, Study, score_tables

STUDY = Study(lengths=(96, 128), layers=2, heads=12)
SETTINGS = ComparisonSettings(top=4, layer_top=2, frequent=6, consensus_rank=6, n_boot=10)
KINDS = question_kinds(STUDY.questions, {})
PAIRS = [ModelPair(*MODELS)]
# Overlap -> its chance level, and whether every group has a level of its own.
LEVELS = {
    "method_overlap": ("method_overlap_chance", True),
    "question_overlap": ("question_overlap_chance", False),
    "length_overlap": ("length_overlap_chance", False),
    "model_overlap": ("model_overlap_chance", False),
    "method_pair_jaccard_of_unions": ("method_pair_chance", True),
    "question_union_jaccard": ("question_union_chance", True),
    "q2_jaccard_of_unions": ("q2_union_chance", True),
    "universal_share": ("universal_share_chance", False),
}


_SHAPE = (*STUDY.shape, STUDY.layers * STUDY.heads)
_TABLE = Ranked.of(score_tables(STUDY, np.zeros((*STUDY.shape, 1, 24)))[0])


def _ranked(seed: int) -> Ranked:
    scores = np.random.default_rng(seed).standard_normal(_SHAPE)
    ranks = np.argsort(np.argsort(-scores, axis=-1), axis=-1) + 1.0
    return replace(_TABLE, ranks=ranks, scores=scores)


def test_chance_is_what_random_rankings_give() -> None:
    """In the mean, and the overlap lies in the range beside it as often as it should."""
    seen: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    for seed in range(60):
        ranked = _ranked(seed)
        study = {f.finding: f for f in ranking_findings(ranked, SETTINGS, KINDS, PAIRS)}
        level = chance_findings(ranked, SETTINGS.top, KINDS, PAIRS)
        chance = {f.finding: f for f in level.found}
        for name, (by_chance, own) in LEVELS.items():
            found, expected = study[name], chance[by_chance]
            inside = np.nan
            if own:
                assert found.groups == expected.groups
                low, high = level.ranges[by_chance]
                inside = np.mean((low <= found.values) & (found.values <= high))
            seen[name].append(np.array([found.values.mean(), expected.values.mean(), inside]))
    for name, values in seen.items():
        overlap, expected, inside = np.array(values).T
        error = (overlap - expected).std() / np.sqrt(len(values))
        assert abs((overlap - expected).mean()) < 3.5 * error + 1e-12, name
        if LEVELS[name][1]:
            assert inside.mean() > 0.9, name


def test_short_lists_are_drawn_as_short_as_they_are() -> None:
    """A method that lists two heads is compared by chance as two heads, out of all."""
    ranked = _ranked(0)
    ranks = ranked.ranks.copy()
    ranks[1] = np.where(ranks[1] <= 2, ranks[1], np.nan)
    level = chance_findings(replace(ranked, ranks=ranks), 4, KINDS, PAIRS)
    chance = {f.finding: dict(zip(f.groups, f.values, strict=True)) for f in level.found}
    # Of 24 heads, 4 and 2: both, one or none are common.
    pairs = {2: 6 / 276, 1: 80 / 276, 0: 190 / 276}
    expected = sum(p * x / (6 - x) for x, p in pairs.items())
    one, two = STUDY.methods[:2]
    assert chance["method_overlap_chance"][f"{one}|{two}"] == pytest.approx(expected, abs=1e-12)
    assert chance["method_overlap_chance"][f"{two}|{one}"] == pytest.approx(expected, abs=1e-12)
    assert chance["universal_share_chance"][two] == pytest.approx(2 / 24)


def test_models_of_unequal_size_have_no_common_chance() -> None:
    """Unions over both, and overlaps between them; overlaps within a model have one."""
    ranked = _ranked(0)
    unequal = replace(ranked, n_heads=np.array([24, 48]))
    level = chance_findings(unequal, 4, KINDS, PAIRS)
    absent = {f.finding for f in level.found if np.isnan(f.values).all()}
    unions = {"method_pair_chance", "question_union_chance", "q2_union_chance"}
    assert absent == {"model_overlap_chance", *unions}
    alone = chance_findings(ranked, 4, {}, [])
    absent = {f.finding for f in alone.found if np.isnan(f.values).all()}
    assert absent == {"model_overlap_chance", "q2_union_chance"}


def test_models_outside_a_roster_have_the_heads_that_whole_rankings_list() -> None:
    """Of a list that is cut short the shape is not known; then it is that of the whole table."""
    whole = {"small": [(la, he) for la in range(2) for he in range(3)]}
    whole["large"] = [(la, he) for la in range(4) for he in range(5)]
    whole["short"] = whole["small"][1:]
    frame = pd.concat(
        pd.DataFrame(heads, columns=["layer", "head"]).assign(
            model=model, rank=range(1, len(heads) + 1)
        )
        for model, heads in whole.items()
    )
    told = {"method": "mine", "question": "all", "token_length": 0, "score": np.nan}
    frame = frame.assign(**told, n_layers=np.nan, n_heads=np.nan, n_samples=np.nan)
    ranked = Ranked.of(frame)
    assert dict(zip(ranked.axes.models, ranked.n_heads, strict=True)) == {
        "small": 6,
        "large": 20,
        "short": 20,
    }
