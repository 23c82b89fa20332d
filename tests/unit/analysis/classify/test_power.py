"""Prompts that resolve shares of the heads: by hand, and against more prompts of the same kind."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.classify.power import (
    needed_by_head,
    power_lines,
    prompts_needed_by,
)
from circuit_scaling.statistics.power import prompts_for_shares
from circuit_scaling.tables.classify import PROMPTS_NEEDED
from tests.helpers.joined_heads import joined, spread
from tests.helpers.small_scans import ZERO, competence

TAU = 0.05


def test_the_head_at_each_share_says_how_many() -> None:
    needed = np.array([10.0, 20.0, 30.0, 40.0, np.inf])
    found = prompts_for_shares(needed, (0.2, 0.5, 0.8, 0.95))
    assert found == {0.2: 10.0, 0.5: 30.0, 0.8: 40.0, 0.95: np.inf}
    missing = prompts_for_shares(np.array([1.0, np.nan]), (0.5,))
    assert np.isnan(missing[0.5])


def test_a_head_twice_as_close_to_tau_needs_four_times_as_many() -> None:
    far, near = needed_by_head(np.array([0.25, -0.15]), np.full(2, 0.1), 100, TAU)
    assert near == pytest.approx(4 * far, rel=0.01)


def test_rows_for_each_task_and_both() -> None:
    deviations = np.stack([spread(12, 0.02)] * 6)
    heads, effects = joined("a", deviations=deviations)
    table = prompts_needed_by(heads, effects, competence("a"), TAU)
    PROMPTS_NEEDED.validate(table)
    assert table["task"].tolist() == ["ioi", "anti_names", "both"]
    by_task = table.set_index("task")
    assert set(table["n_prompts"]) == {24}
    # Head 4 is exactly at tau on IOI: no number of prompts resolves it.
    assert np.isnan(by_task.at["ioi", "prompts_95"])
    assert by_task.at["both", "prompts_50"] >= by_task["prompts_50"].iloc[:2].max()
    assert by_task.at["both", "frac_resolved"] <= by_task["frac_resolved"].iloc[:2].min()


def test_without_effects_by_cluster_nothing_is_said() -> None:
    heads, effects = joined("a")
    assert prompts_needed_by(heads, effects.iloc[:0], competence("a"), TAU).empty


def test_fewer_than_ten_clusters_leave_it_missing() -> None:
    heads, effects = joined("a", n_clusters=8)
    table = prompts_needed_by(heads, effects, competence("a"), TAU)
    PROMPTS_NEEDED.validate(table)
    assert table[["frac_resolved", "prompts_50"]].isna().all(axis=None)


def test_what_a_small_batch_foretells_is_about_what_a_larger_one_finds() -> None:
    """Effects with heavy tails over heads: 20 clusters of 4 prompts foretell 80 clusters."""
    rng = np.random.default_rng(0)
    off = []
    for _ in range(40):
        true = 0.1 * rng.standard_t(2, 200)
        noise = rng.normal(0, 0.3, (200, 80))
        of_cluster = true[:, None] + noise
        small, large = of_cluster[:, :20], of_cluster
        error = [part.std(axis=1, ddof=1) / np.sqrt(part.shape[1]) for part in (small, large)]
        needed = needed_by_head(small.mean(axis=1), error[0], 80, TAU)
        distance = np.abs(np.abs(large.mean(axis=1)) - TAU)
        off.append((needed <= 320).mean() - (distance > 1.96 * error[1]).mean())
    assert 0 < np.mean(off) < 0.08  # the effects of the small batch are noisier than the true ones


def test_lines_for_people() -> None:
    effects = pd.DataFrame(
        {
            "task": "ioi",
            "ablation": "zero",
            "positions": "all",
            "delta": [0.5, -0.2, 0.0, 0.06],
            "se": 0.02,
            "n_prompts": 80,
            "settled": pd.NA,
        }
    )
    (line,) = power_lines(effects, ZERO, TAU)
    assert line == (
        "with 80 prompts of ioi, 75% of the heads are told from tau = 0.05; 50 % need 6, "
        "80 % need 1,230, 95 % need 1,230"
    )
    assert [*power_lines(effects.assign(se=np.nan), ZERO, TAU)] == []
    assert [*power_lines(effects.assign(settled=True), ZERO, TAU)] == []
