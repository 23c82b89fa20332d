"""Comparisons of heroes with random sets, from trials whose effects are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from circuit_scaling.analysis.ablation.exports import hero_ablation_for_people
from circuit_scaling.analysis.ablation.heroes_vs_random import over_models, summarise
from circuit_scaling.measuring.ablation.sets import HeadSet, choose_sets
from circuit_scaling.measuring.scan.settings import AblationKind
from circuit_scaling.tables.ablation import ABLATION_SUMMARY, ABLATION_TRIALS
from tests.helpers import ablated_sets

ZERO = AblationKind(ablation="zero", positions="all")
SHAPE = (4, 6)
HEROES = ablated_sets.heroes(ioi_only=[(0, 0)], shared=[(2, 2)])
N = ablated_sets.N_PROMPTS


def sets(heroes: pd.DataFrame = HEROES, shape: tuple[int, int] = SHAPE) -> list[HeadSet]:
    return choose_sets("m", shape, heroes, ablated_sets.heads_of(shape), ablated_sets.SETTINGS)


def summary(*trials: pd.DataFrame, n_clusters: int = ablated_sets.N_CLUSTERS) -> pd.DataFrame:
    table = summarise(
        pd.concat(trials, ignore_index=True),
        ablated_sets.prompts("ioi", "anti_names", "plain_text", n_clusters=n_clusters),
        ablated_sets.competence("ioi", unable=["anti_names"]),
        ZERO,
    )
    return over_models(ABLATION_SUMMARY.validate(table))


def planted(chosen: HeadSet) -> NDArray[np.float64]:
    """Heroes take a logit each, random set d takes 0.1 d, the weakest nothing."""
    per_set = {"matched": -0.1 * chosen.draw, "unmatched": -10.0, "weakest": 0.0}
    mean = per_set.get(chosen.set_type, -1.0 * chosen.k)
    # A scatter over clusters that does not change the mean.
    return mean + np.repeat(np.linspace(-0.5, 0.5, N // 2), 2)


def right(chosen: HeadSet) -> NDArray[np.float64]:
    """Heroes make every second answer wrong, all others none."""
    wrong = chosen.set_type.startswith("hero_")
    return np.tile([1.0, 0.0 if wrong else 1.0], N // 2)


def row(table: pd.DataFrame, hero_set: str = "hero_joint", k: int = 2) -> pd.Series:
    return table[(table["hero_set"] == hero_set) & (table["k"] == k)].iloc[0]


class TestPlanted:
    def test_levels_differences_p_and_effect_size(self) -> None:
        found = row(summary(ablated_sets.trials(sets(), planted, right)))
        assert found["mean_diff"] == pytest.approx(-2.0)
        assert found["matched_mean_diff"] == pytest.approx(-0.25)  # 0, -0.1, ... -0.5
        assert found["matched_difference"] == pytest.approx(-1.75)
        assert found["weakest_difference"] == pytest.approx(-2.0)
        assert found["matched_n"] == 6
        assert found["matched_p"] == found["matched_p_floor"] == pytest.approx(1 / 7)
        assert found["matched_sd"] == pytest.approx(0.1 * np.sqrt(3.5))
        assert found["matched_effect_size"] == pytest.approx(-1.75 / (0.1 * np.sqrt(3.5)))
        assert found["unmatched_p"] == 1.0  # all of them do more damage
        assert (found["accuracy"], found["matched_accuracy"]) == (0.5, 1.0)
        assert found["clean_accuracy"] == 1.0
        assert found["matched_p_accuracy"] == pytest.approx(1 / 7)

    def test_the_difference_is_taken_prompt_by_prompt(self) -> None:
        # The scatter of the prompts is that of heroes and random sets alike, and goes out.
        found = row(summary(ablated_sets.trials(sets(), planted, right)))
        assert found["low"] < -2.05
        ends = found[["matched_difference_low", "matched_difference_high"]].tolist()
        assert ends == pytest.approx([-1.75, -1.75], abs=1e-6)

    def test_effects_by_hand_of_one_random_set(self) -> None:
        rng = np.random.default_rng(3)
        effects = {s: rng.normal(size=N) for s in sets()}
        found = row(summary(ablated_sets.trials(sets(), lambda s: effects[s])), "hero_shared", 1)
        own = next(v for s, v in effects.items() if (s.set_type, s.k) == ("hero_shared", 1))
        means = [
            v.mean()
            for s, v in effects.items()
            if (s.set_type, s.matched_to, s.k) == ("matched", "hero_shared", 1)
        ]
        assert found["matched_n"] == len(means) == 5
        assert found["matched_p"] == pytest.approx((1 + sum(m <= own.mean() for m in means)) / 6)
        z = (own.mean() - np.mean(means)) / np.std(means, ddof=1)
        assert found["matched_effect_size"] == pytest.approx(z, rel=1e-5)

    def test_damage_on_a_control_is_a_rise_and_has_no_accuracy(self) -> None:
        trials = ablated_sets.trials(
            sets(), lambda s: -planted(s), task="plain_text", readout="token_loss"
        )
        found = row(summary(trials))
        assert found["matched_p"] == pytest.approx(1 / 7)
        assert found["competent"] is pd.NA
        assert found[["accuracy", "matched_accuracy", "matched_p_accuracy"]].isna().all()

    def test_competence_and_primary_are_marked(self) -> None:
        table = summary(
            ablated_sets.trials(sets(), planted),
            ablated_sets.trials(sets(), planted, ablation="mean"),
            ablated_sets.trials(sets(), planted, task="anti_names"),
        )
        assert table.groupby("task")["competent"].first().to_dict() == {
            "ioi": True,
            "anti_names": False,
        }
        assert table.loc[table["primary"], "ablation"].unique().tolist() == ["zero"]


class TestMissing:
    def test_fewer_than_ten_clusters_give_no_interval(self) -> None:
        few = ablated_sets.trials(sets(), lambda s: planted(s)[:18])
        found = row(summary(few, n_clusters=9))
        assert found["mean_diff"] == pytest.approx(-2.0, abs=0.2)
        intervals = [n for n in found.index if n.endswith(("low", "high"))]
        assert found[intervals].isna().all()
        assert found["matched_p"] == pytest.approx(1 / 7)

    def test_no_random_heads_is_missing_and_says_why(self) -> None:
        heroes = ablated_sets.heroes(shared=[(0, 0), (0, 1)])
        found = row(summary(ablated_sets.trials(sets(heroes, (1, 2)), planted, right)))
        assert found["matched_n"] == 0
        assert found["matched_reason"] == "the heroes are all heads of their layers"
        missing = found[[n for n in found.index if n.startswith("matched_") and "_n" not in n]]
        assert missing.drop("matched_reason").isna().all()
        assert found["mean_diff"] == pytest.approx(-2.0)

    def test_no_heroes_no_rows(self) -> None:
        table = summary(ABLATION_TRIALS.empty())
        assert table.empty
        (export,) = hero_ablation_for_people(table).values()
        assert export.empty
        assert "mean_diff_anti" in export

    def test_heroes_that_are_not_there(self) -> None:
        asked = ablated_sets.SETTINGS.model_copy(update={"ks": (1, 2)})
        chosen = choose_sets("m", SHAPE, HEROES, ablated_sets.heads_of(SHAPE), asked)
        found = row(summary(ablated_sets.trials(chosen, planted, right)), "hero_shared", 2)
        assert found["reason"] == "1 hero head, 2 asked for"
        assert pd.isna(found["mean_diff"])
        assert pd.isna(found["matched_p"])

    def test_models_with_and_without_heroes_stack(self) -> None:
        table = summary(ablated_sets.trials(sets(), planted, right))
        both = pd.concat([table, ABLATION_SUMMARY.empty()], ignore_index=True)
        ABLATION_SUMMARY.validate(both)


class TestForPeople:
    def test_published_columns_clean_row_first(self) -> None:
        table = summary(
            ablated_sets.trials(sets(), planted, right),
            ablated_sets.trials(sets(), lambda s: 2 * planted(s), right, task="anti_names"),
            ablated_sets.trials(sets(), lambda s: 9 * planted(s), right, ablation="mean"),
        )
        (export,) = hero_ablation_for_people(table).values()
        assert list(export)[:9] == [
            *("family", "model", "k", "set_type", "hero_set"),
            *("acc_ioi", "mean_diff_ioi", "acc_anti", "mean_diff_anti"),
        ]
        clean = export.iloc[0]
        assert (clean["k"], clean["set_type"], clean["mean_diff_ioi"]) == (0, "clean", 0.0)
        assert export["k"].is_monotonic_increasing
        keys = ["k", "set_type", "hero_set"]
        assert not export.duplicated(keys).any()
        at = export.set_index(keys)
        assert at.loc[(2, "hero_joint", ""), "mean_diff_anti"] == pytest.approx(-4.0)
        assert at.loc[(2, "matched", "hero_joint"), "mean_diff_ioi"] == pytest.approx(-0.25)
        assert at.loc[(1, "weakest", ""), "acc_anti"] == 1.0


def _null(rng: np.random.Generator) -> Callable[[HeadSet], NDArray[np.float64]]:
    """Heroes are heads like all others: every set's effect is the sum of its heads' draws."""
    of_head = rng.standard_t(3, SHAPE)
    noise = rng.normal(size=(*SHAPE, N))
    return lambda s: sum((of_head[head] + noise[head] for head in s.heads), start=np.zeros(N))


def test_p_is_super_uniform_for_heroes_like_all_others() -> None:
    """Heroes drawn at random, as in a model that has no heads for the task."""
    rng = np.random.default_rng(1)
    every = [(layer, head) for layer in range(SHAPE[0]) for head in range(SHAPE[1])]
    both = ablated_sets.SETTINGS.model_copy(update={"ks": (2,)})
    given = (ablated_sets.prompts("ioi"), ablated_sets.competence("ioi"), ZERO)
    p = []
    for _ in range(80):
        picked = [every[i] for i in rng.permutation(len(every))[:2]]
        heroes = ablated_sets.heroes(shared=picked)
        chosen = choose_sets("m", SHAPE, heroes, ablated_sets.heads_of(SHAPE), both)
        found = row(over_models(summarise(ablated_sets.made_trials(chosen, _null(rng)), *given)))
        p.append([found["matched_p"], found["unmatched_p"]])
    for level in (1 / 7, 2 / 7, 4 / 7):
        shares = (np.array(p) <= level + 1e-9).mean(axis=0)
        assert (shares <= level + 3 * np.sqrt(level * (1 - level) / 80)).all()


def test_q_is_over_the_models_in_which_a_small_p_can_come_out() -> None:
    """All heroes of a set in one family; fewer heroes, and too few random sets, have no q."""
    base = ABLATION_SUMMARY.empty()
    rows = [
        {"model": m, "k": k, "matched_p": p, "matched_note": note, "hero_set": "hero_joint"}
        for m, k, p, note in (
            ("a", 2, 0.01, ""),
            ("a", 1, 0.01, ""),
            ("b", 2, 0.04, ""),
            ("c", 3, 0.10, "only 9 other sets: p cannot fall below 0.1"),
        )
    ]
    shared = {"family": "f", "task": "ioi", "readout": "contrast", "ablation": "zero"}
    frame = pd.DataFrame(rows).assign(**shared, positions="all", unmatched_p=1.0, unmatched_note="")
    found = over_models(frame)
    assert set(found.columns) - set(frame.columns) == {"matched_q", "unmatched_q"} <= set(base)
    np.testing.assert_allclose(found["matched_q"], [0.02, np.nan, 0.04, np.nan])
