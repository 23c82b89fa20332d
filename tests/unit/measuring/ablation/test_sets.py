"""The sets that are ablated: heroes in order, random sets that match and are never the heroes."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.measuring.ablation.sets import (
    HeadSet,
    choose_sets,
    hero_sets,
    largest,
    shortages,
)
from circuit_scaling.measuring.ablation.settings import AblationSettings
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.measuring.shared.head_draws import distinct_sets
from circuit_scaling.statistics.random_sets import against_random
from tests.helpers import ablated_sets, small_scans

SHAPE = (3, 4)
HEROES = ablated_sets.heroes(ioi_only=[(2, 1), (0, 0)], shared=[(1, 3)], weak=[(2, 2)])
ALL = {(layer, head) for layer in range(SHAPE[0]) for head in range(SHAPE[1])}


def settings(**changes: object) -> AblationSettings:
    return AblationSettings.model_validate(ablated_sets.SETTINGS.model_dump() | changes)


def chosen(heroes=HEROES, shape=SHAPE, **changes: object) -> list[HeadSet]:
    return choose_sets("m", shape, heroes, ablated_sets.heads_of(shape), settings(**changes))


def of(sets: list[HeadSet], set_type: str, k: int, matched_to: str = "") -> list[HeadSet]:
    return [s for s in sets if (s.set_type, s.k, s.matched_to) == (set_type, k, matched_to)]


class TestHeroes:
    def test_joint_is_by_strength_and_weak_heads_are_no_heroes(self) -> None:
        heroes = HEROES.assign(strength_select=[0.5, 0.2, 0.9, 2.0])
        assert hero_sets(heroes) == {
            "hero_joint": ((1, 3), (2, 1), (0, 0)),
            "hero_ioi_only": ((2, 1), (0, 0)),
            "hero_shared": ((1, 3),),
        }

    def test_the_first_k_of_every_set_and_the_clean_run(self) -> None:
        sets = chosen()
        assert sets[0] == HeadSet("clean", 0, ())
        ours = [(s.set_type, s.k, s.heads) for s in sets if s.set_type.startswith("hero_")]
        assert ours == [
            ("hero_joint", 1, ((2, 1),)),
            ("hero_joint", 2, ((0, 0), (2, 1))),
            ("hero_joint", 3, ((0, 0), (1, 3), (2, 1))),
            ("hero_ioi_only", 1, ((2, 1),)),
            ("hero_ioi_only", 2, ((0, 0), (2, 1))),
            ("hero_shared", 1, ((1, 3),)),
        ]

    def test_no_heroes_no_sets(self) -> None:
        assert chosen(ablated_sets.heroes()) == []
        assert chosen(ablated_sets.heroes(weak=[(0, 1)])) == []

    def test_a_hero_of_another_model_is_named(self) -> None:
        with pytest.raises(CircuitScalingError, match=r"L3H0 is outside the shape of 'm' \(3 lay"):
            chosen(ablated_sets.heroes(shared=[(3, 0)]))

    def test_weakest_are_the_least_strong_that_are_no_heroes(self) -> None:
        # (0, 0) is the least strong head, and a hero.
        assert of(chosen(), "weakest", 2)[0].heads == ((0, 1), (1, 0))

    def test_more_heads_than_heroes_are_missing_with_the_reason(self) -> None:
        sets = chosen(ks=[1, 3])
        (lacking,) = of(sets, "hero_shared", 3)
        assert lacking.heads == ()
        assert lacking.reason == "1 hero head, 3 asked for"
        assert of(chosen(ks=[1]), "hero_joint", 3)[0].heads  # all heroes are always measured
        assert of(sets, "matched", 3, "hero_shared") == []
        assert largest(sets) == {("hero_joint", 3), ("hero_ioi_only", 2), ("hero_shared", 1)}


class TestRandomSets:
    def test_all_matched_sets_of_a_small_model(self) -> None:
        sets = chosen(n_random=100)
        # Four heads of layer 0 and four of layer 2: sixteen pairs, one of them the heroes.
        pairs = {s.heads for s in of(sets, "matched", 2, "hero_joint")}
        every = {((0, a), (2, b)) for a in range(4) for b in range(4)}
        assert pairs == every - {((0, 0), (2, 1))}
        anywhere = {s.heads for s in of(sets, "unmatched", 2)}
        assert anywhere == set(combinations(sorted(ALL), 2))

    def test_unmatched_only_where_all_heroes_of_a_set_are_ablated(self) -> None:
        sets = chosen(ablated_sets.heroes(shared=[(0, 0), (1, 1), (2, 2)]))
        assert {s.k for s in sets if s.set_type == "unmatched"} == {3}
        assert {s.k for s in sets if s.set_type == "matched"} == {1, 2, 3}

    def test_heroes_of_the_same_layers_meet_the_same_random_heads(self) -> None:
        sets = chosen()
        joint, alone = (of(sets, "matched", 1, f"hero_{name}") for name in ("joint", "ioi_only"))
        assert [s.heads for s in joint] == [s.heads for s in alone]

    def test_heroes_that_are_all_heads_of_their_layers_have_no_other_set(self) -> None:
        heroes = ablated_sets.heroes(shared=[(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)])
        sets = chosen(heroes, shape=(2, 4))
        (lacking,) = of(sets, "matched", 4, "hero_joint")
        assert (lacking.heads, lacking.draw) == ((), 0)
        assert lacking.reason == "the heroes are all heads of their layers"
        assert of(sets, "matched", 5, "hero_joint")[0].reason == ""
        assert any(lacking.reason in line for line in shortages(sets, 6))

    def test_no_other_heads_at_all(self) -> None:
        sets = chosen(ablated_sets.heroes(shared=[(0, 0), (0, 1)]), shape=(1, 2))
        assert {s.set_type for s in sets if s.reason} == {"matched", "weakest"}

    def test_fewer_sets_than_asked_for_are_told(self) -> None:
        told = shortages(chosen(n_random=5), 5)
        assert "matched set of 1 for hero_joint: all 3 that there are, 5 were asked for" in told
        assert not shortages(chosen(n_random=3), 3)

    def test_the_seed_decides(self) -> None:
        assert chosen() == chosen()
        assert chosen(seed=1) != chosen()

    @given(
        st.lists(st.tuples(st.integers(1, 6), st.integers(0, 4)), min_size=1, max_size=4),
        st.integers(1, 40),
        st.integers(0, 99),
    )
    def test_sets_match_and_are_distinct(
        self, layers: list[tuple[int, int]], n: int, seed: int
    ) -> None:
        pools = [
            ([(layer, head) for head in range(size)], wanted)
            for layer, (size, wanted) in enumerate(layers)
        ]
        drawn = distinct_sets(pools, n, np.random.default_rng(seed))
        possible = int(np.prod([comb(size, wanted) for size, wanted in layers]))
        assert len(drawn) == min(n, possible)
        assert len({frozenset(heads) for heads in drawn}) == len(drawn)
        for heads in drawn:
            assert len(set(heads)) == len(heads)
            assert heads == tuple(sorted(heads))
            found = Counter(layer for layer, _ in heads)
            assert all(found[layer] == wanted for layer, (_, wanted) in enumerate(layers))
            assert all(head < layers[layer][0] for layer, head in heads)

    @given(st.data())
    def test_no_random_set_is_the_heroes_and_matched_sets_have_their_layers(
        self, data: st.DataObject
    ) -> None:
        every = [(layer, head) for layer in range(3) for head in range(5)]
        picked = data.draw(st.lists(st.sampled_from(every), min_size=1, max_size=8, unique=True))
        sets = chosen(ablated_sets.heroes(shared=picked), shape=(3, 5))
        heroes = {(s.set_type, s.k): s for s in sets if s.set_type.startswith("hero_")}
        for s in sets:
            if s.set_type in ("matched", "unmatched", "weakest") and not s.reason:
                assert len(set(s.heads)) == s.k
            if s.set_type == "weakest":
                assert not set(s.heads) & set(picked)
            if s.set_type == "matched" and not s.reason:
                theirs = heroes[s.matched_to, s.k].heads
                assert s.heads != theirs
                assert Counter(la for la, _ in s.heads) == Counter(la for la, _ in theirs)

    def test_p_has_its_level_where_heroes_are_random_heads(self) -> None:
        """Heads' effects are fixed; being a hero means nothing. Five of twelve are heroes."""
        rng = np.random.default_rng(0)
        p = []
        for seed in range(600):
            effects = rng.standard_t(2, (1, 12))
            heroes = ablated_sets.heroes(shared=[(0, int(h)) for h in rng.permutation(12)[:5]])
            sets = chosen(heroes, shape=(1, 12), n_random=19, ks=[5], seed=seed)
            (ours,) = of(sets, "hero_joint", 5)
            sums = {s.heads: sum(effects[head] for head in s.heads) for s in sets if s.k == 5}
            random = [sums[s.heads] for s in of(sets, "matched", 5, "hero_joint")]
            p.append(against_random(sums[ours.heads], random, harm=-1).p)
        for level in (0.05, 0.1, 0.25, 0.5):
            # 3 standard errors of 600 trials.
            assert np.mean(np.array(p) <= level) <= level + 3 * np.sqrt(level * (1 - level) / 600)

    def test_sets_that_avoid_the_heroes_would_give_no_p(self) -> None:
        """Why random sets may hold heroes (docs/method.md): five of twelve, chosen at random."""
        rng = np.random.default_rng(0)
        found = {"all heads": 0, "other heads": 0}
        trials = 1500
        for _ in range(trials):
            effects, heads = rng.standard_t(2, 12), rng.permutation(12)
            for name, pool in (("all heads", heads), ("other heads", heads[5:])):
                sets = distinct_sets([([(0, int(h)) for h in pool], 5)], 20, rng)
                sums = [sum(effects[head] for _, head in of_set) for of_set in sets]
                p = against_random(effects[heads[:5]].sum(), sums, harm=-1).p
                found[name] += p < 0.05
        assert found["other heads"] / trials == pytest.approx(0.28, abs=0.04)
        assert found["all heads"] / trials == pytest.approx(0.05, abs=0.02)

    def test_every_set_is_equally_likely(self) -> None:
        pool = [([(0, head) for head in range(5)], 2)]
        seen: Counter[object] = Counter()
        for seed in range(2000):
            seen.update(distinct_sets(pool, 3, np.random.default_rng(seed)))
        # 6,000 draws of 10 pairs: 600 each, with a standard deviation of at most 23.
        assert len(seen) == 10
        assert all(abs(count - 600) < 100 for count in seen.values())


class TestSettings:
    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"ks": []}, "numbers of heads"),
            ({"ks": [0, 1]}, "numbers of heads"),
            ({"ks": "some"}, "ks"),
            ({"n_random": 0}, "n_random"),
            ({"tasks": []}, "tasks"),
            ({"also": ["medan"]}, "also"),
            ({"typo": 1}, "typo"),
        ],
    )
    def test_settings_that_make_no_sense(self, changes: dict[str, object], words: str) -> None:
        with pytest.raises(ValidationError, match=words):
            settings(**changes)

    def test_other_ablations_have_the_positions_of_the_scan_and_come_once(self) -> None:
        scan: ScanSettings = small_scans.SETTINGS
        found = settings(also=["mean", "zero"]).kinds(scan)
        assert found == (scan.primary, AblationKind(ablation="mean", positions="all"))
