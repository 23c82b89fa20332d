"""Heroes: chosen on one half of the prompts, ranked there, and tested on the other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.stats

from circuit_scaling.analysis.classify.heroes import hero_heads
from circuit_scaling.statistics.categories import categorise
from circuit_scaling.vocabulary import CATEGORIES
from tests.helpers.joined_heads import CATEGORY, SETTINGS, TASKS, classified, joined


def heroes_of(**columns: list[float]) -> pd.DataFrame:
    """Heroes of six heads, three of them ioi_only, whose strengths on select are given."""
    table, _ = classified(
        joined("a", np.array([0.2, 0.3, 0.4, 0.0, 0.0, 0.5]), np.array([0, 0, 0, 0, 0, 0.5]))
    )
    return hero_heads(table.assign(**columns), SETTINGS)


def test_heroes_come_from_select_alone_with_category_and_stability() -> None:
    """A head that is strong on both tasks on select prompts, and on IOI alone on all."""
    rng = np.random.default_rng(0)
    noise = 0.01 * rng.normal(size=(6, 24))
    # Every other cluster is on the select side, two prompts each.
    selected = np.tile([1, 1, 0, 0], 6).astype(bool)
    anti = np.zeros(6)
    moved = noise.copy()
    moved[0] += np.where(selected, 0.06, -0.06)
    heads, effects = joined("a", np.full(6, 0.3), anti, deviations=noise)
    of_anti = joined("a", np.full(6, 0.3), anti, deviations=moved)
    for frame, other in ((heads, of_anti[0]), (effects, of_anti[1])):
        for name in [c for c in frame if "anti_names" in c]:
            frame[name] = other[name]
    rows = effects["task"] == "anti_names"
    effects.loc[rows, "effect"] = of_anti[1].loc[rows, "effect"]
    table, _ = classified((heads, effects))
    head = table.iloc[0]
    assert (head["category"], head["category_select"]) == ("ioi_only", "shared")
    found = hero_heads(table, SETTINGS).set_index(["layer", "head"])
    assert found.at[(0, 0), "category"] == "shared"
    assert found.at[(0, 0), "rank"] == 1
    assert np.isnan(found.at[(0, 0), "category_stability"])  # six clusters on the side


def test_heroes_of_noise_have_no_effect_on_test_prompts() -> None:
    """48 heads without effects: what was chosen on one half must not show on the other."""
    rng = np.random.default_rng(1)
    ps = []
    for _ in range(200):
        ioi, anti = 0.1 * rng.normal(size=(2, 48, 40))
        heads = pd.DataFrame({"family": "f", "model": "m", "layer": 0, "head": np.arange(48)})
        for task, values in (("ioi", ioi), ("anti_names", anti)):
            heads[f"delta_{task}"] = heads[f"se_{task}"] = values.mean(axis=1)
            heads[f"delta_{task}_select"] = values[:, ::2].mean(axis=1)
            heads[f"delta_{task}_test"] = values[:, 1::2].mean(axis=1)
        on_select = [heads[f"delta_{task}_select"] for task in TASKS]
        heads["category_select"] = categorise(*on_select, 0.02)
        heads["strength_select"] = on_select[0].abs() + on_select[1].abs()
        heads = heads.assign(stability_select=1.0, strength=1.0)
        heroes = hero_heads(heads, SETTINGS)
        first = heroes[(heroes["category"] == "ioi_only") & (heroes["rank"] == 1)]
        for head in first["head"]:
            ps.append(scipy.stats.ttest_1samp(ioi[head, 1::2], 0).pvalue)
    assert len(ps) > 150
    assert np.mean(np.array(ps) < 0.05) < 0.10


def test_heroes_are_ranked_on_select_and_have_their_category_there() -> None:
    found = heroes_of(
        strength_select=[0.9, 0.1, 0.5, 0.0, 0.0, 0.7],
        # Whatever all prompts say.
        category=["weak"] * 6,
    )
    ioi_only = found[found["category"] == "ioi_only"]
    assert ioi_only[["rank", "layer", "head"]].to_numpy().tolist() == [[1, 0, 0], [2, 0, 2]]
    assert found["category"].tolist() == ["ioi_only", "ioi_only", "shared", "weak", "weak"]
    assert found["rank"].tolist() == [1, 2, 1, 1, 2]
    # By strength on all prompts head 2 (0.4) would come before head 0 (0.2).
    assert ioi_only["strength"].tolist() == [0.2, 0.4]
    assert ioi_only["strength_select"].tolist() == [0.9, 0.5]


def test_heroes_carry_their_effects_on_test() -> None:
    found = heroes_of(delta_ioi_test=[0.11, 0.12, 0.13, 0.14, 0.15, 0.16])
    first = found.set_index(["layer", "head"])
    assert first.at[(0, 1), "delta_ioi_test"] == 0.12
    assert first.at[(1, 2), "delta_ioi_test"] == 0.16


def test_ties_go_to_the_first_head() -> None:
    found = heroes_of(strength_select=[0.5] * 6)
    heads = found[["category", "layer", "head"]].to_numpy().tolist()
    assert heads == [
        ["ioi_only", 0, 0],
        ["ioi_only", 0, 1],
        ["shared", 1, 2],
        ["weak", 1, 0],
        ["weak", 1, 1],
    ]


def test_heroes_of_every_model_in_the_order_of_the_roster() -> None:
    table, _ = classified(joined("zeta"), joined("alpha"))
    found = hero_heads(table, SETTINGS)
    assert found["model"].tolist() == ["zeta"] * 6 + ["alpha"] * 6
    assert found.loc[:5, "category"].tolist() == sorted(CATEGORY, key=CATEGORIES.index)
