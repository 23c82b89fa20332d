"""The join of heads that were ablated on unequal numbers of prompts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.classify.categories import classify_heads
from circuit_scaling.analysis.cluster_effects import effect_draws, task_totals
from circuit_scaling.analysis.join.agreement import on_equal_terms
from circuit_scaling.analysis.join.heads import JointTables, join_model
from circuit_scaling.tables.classify import CLASSIFIED_HEADS
from circuit_scaling.tables.join import JOINT_EFFECTS, JOINT_HEADS
from circuit_scaling.tables.scan import HEAD_EFFECTS
from tests.helpers.joined_heads import ONLY_ZERO
from tests.helpers.joined_heads import SETTINGS as CLASSIFY
from tests.helpers.small_scans import (
    MEAN,
    N_HEADS,
    competence,
    effects,
    entry,
    profiles,
    prompts,
)

SIZES = {f"pair {i:02d}": 4 for i in range(24)}
TASKS = ("ioi", "anti_names")
ASKED = {task: prompts(task, SIZES) for task in TASKS}
N_PROMPTS = len(ASKED["ioi"])
COMMON = np.arange(N_PROMPTS) % 2 == 0  # whole halves of clusters, on both sides
SETTLED_EARLY = np.arange(N_HEADS) < 3


def values(task: str) -> np.ndarray:
    """What every head does on every prompt, [heads, prompts]."""
    rng = np.random.default_rng(TASKS.index(task))
    base = np.linspace(-1.0, 0.2, N_HEADS)[:, None]
    return base + rng.normal(0, 0.3, (N_HEADS, N_PROMPTS))


def scanned(task: str, early: np.ndarray = SETTLED_EARLY) -> pd.DataFrame:
    """Some heads were ablated on every other prompt; attributions foretell all exactly."""
    all_of_it = values(task)
    table = effects(task, all_of_it)
    measured = all_of_it.astype(np.float32)
    measured[np.ix_(early, ~COMMON)] = np.nan
    table["effects"] = list(measured)
    table["attributions"] = list((0.5 * all_of_it + 3).astype(np.float32))
    table["n_prompts"] = np.isfinite(measured).sum(axis=1)
    table["settled"] = pd.array([True] * N_HEADS, dtype="boolean")
    table["low"], table["high"] = table["delta"] - 0.05, table["delta"] + 0.05
    return table


def joined(early: np.ndarray = SETTLED_EARLY) -> JointTables:
    asked = pd.concat(ASKED.values(), ignore_index=True)
    found = pd.concat([scanned(task, early) for task in TASKS], ignore_index=True)
    HEAD_EFFECTS.validate(found)
    return join_model(entry().params_m, ONLY_ZERO, asked, found, profiles())


def test_sides_are_corrected_by_what_is_known_of_all_prompts() -> None:
    heads = JOINT_HEADS.validate(joined().joint_heads)
    for task in TASKS:
        for side in ("select", "test"):
            expected = values(task)[:, ASKED[task]["split"] == side].mean(axis=1)
            np.testing.assert_allclose(heads[f"delta_{task}_{side}"], expected, atol=1e-5)
        assert heads[f"n_prompts_{task}"].tolist() == [N_PROMPTS / 2] * 3 + [N_PROMPTS] * 3


def test_a_side_of_two_clusters_has_the_mean_of_what_was_measured() -> None:
    asked = pd.concat(ASKED.values(), ignore_index=True)
    asked["split"] = np.where(asked["cluster"] <= "pair 01", "select", "test")
    found = pd.concat([scanned(task) for task in TASKS], ignore_index=True)
    heads = join_model(entry().params_m, ONLY_ZERO, asked, found, profiles()).joint_heads
    few = (asked[: len(ASKED["ioi"])]["split"] == "select").to_numpy()
    for head, measured in ((0, few & COMMON), (5, few)):
        expected = values("ioi")[head, measured].mean()
        assert heads["delta_ioi_select"][head] == pytest.approx(expected, abs=1e-6)
    assert heads["delta_ioi_test"].notna().all()


def test_effects_by_cluster_are_of_the_prompts_that_all_heads_have() -> None:
    found = JOINT_EFFECTS.validate(joined().joint_effects)
    assert set(found["n_prompts"]) == {2}
    assert (found.groupby(["task", "cluster"]).size() == N_HEADS).all()
    rows = ASKED["ioi"][COMMON]
    expected = values("ioi")[3, COMMON][rows["cluster"] == "pair 05"].mean()
    of_head = found[(found["task"] == "ioi") & (found["layer"] == 1) & (found["head"] == 0)]
    assert of_head.set_index("cluster").at["pair 05", "effect"] == pytest.approx(expected, abs=1e-6)


def test_kinds_of_ablation_are_compared_on_the_same_prompts() -> None:
    other = effects("ioi", values("ioi") + 1, kind=MEAN)
    both = pd.concat([scanned("ioi"), other], ignore_index=True)
    equal = on_equal_terms(both)
    for kind, plus in (("zero", 0), ("mean", 1)):
        of_kind = equal[equal["ablation"] == kind]
        np.testing.assert_allclose(
            of_kind["delta"], values("ioi")[:, COMMON].mean(axis=1) + plus, atol=1e-6
        )
    assert set(equal["n_prompts"]) == {N_PROMPTS / 2}


def test_draws_lie_around_the_effects_and_are_as_wide_as_their_errors() -> None:
    tables = joined()
    heads = tables.joint_heads.assign(se_ioi=np.linspace(0.01, 0.06, N_HEADS))
    rng = np.random.default_rng(0)
    for split in (None, "select"):
        (draws,) = effect_draws(tables.joint_effects, heads, ["ioi"], rng, 4000, split)
        centre = heads["delta_ioi" if split is None else "delta_ioi_select"]
        wide = heads["se_ioi"] * (1 if split is None else np.sqrt(2))
        n = tables.joint_effects["cluster"].nunique()
        np.testing.assert_allclose(draws.mean(axis=0), centre, atol=0.004)
        np.testing.assert_allclose(draws.std(axis=0), wide * np.sqrt((n - 1) / n), rtol=0.06)


def test_draws_lie_around_corrected_effects_of_heads_that_were_all_settled_at_one_look() -> None:
    tables = joined(np.ones(N_HEADS, bool))
    heads = tables.joint_heads
    assert heads["n_prompts_ioi"].nunique() == 1
    (draws,) = effect_draws(tables.joint_effects, heads, ["ioi"], np.random.default_rng(0), 4000)
    uncorrected = task_totals(tables.joint_effects, heads, "ioi").mean
    assert np.abs(heads["delta_ioi"] - uncorrected).max() > 0.02
    np.testing.assert_allclose(draws.mean(axis=0), heads["delta_ioi"], atol=0.004)


def test_sides_of_fewer_clusters_than_intervals_need_have_a_stability_all_the_same() -> None:
    tables = joined()
    few = tables.joint_effects["cluster"].isin(sorted(SIZES)[:16])  # a first look of 64 prompts
    heads, effects_ = tables.joint_heads, tables.joint_effects[few]
    table, _ = classify_heads(heads, effects_, competence("mini_s"), CLASSIFY)
    assert table["stability_select"].between(0, 1).all()


def test_heads_are_resolved_by_the_intervals_of_the_scan() -> None:
    tables = joined()
    heads = tables.joint_heads
    heads.loc[0, ["low_ioi", "high_ioi"]] = 0.0, 0.2
    table, _ = classify_heads(heads, tables.joint_effects, competence("mini_s"), CLASSIFY)
    CLASSIFIED_HEADS.validate(table)
    assert not table.loc[0, "resolved"]
    assert table["category_stability"].between(0, 1).all()
    assert table["stability_select"].between(0, 1).all()
