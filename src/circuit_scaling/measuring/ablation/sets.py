"""Which sets of heads are ablated: heroes, random sets to compare them with, the weakest heads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from circuit_scaling.commands import run_command
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.replay.pairs import Head
from circuit_scaling.measuring.ablation.settings import AblationSettings
from circuit_scaling.measuring.shared.head_draws import distinct_sets
from circuit_scaling.vocabulary import STRONG_CATEGORIES, counted


@dataclass(frozen=True)
class HeadSet:
    """A set of heads that is ablated together.

    Attributes:
        set_type: ``hero_joint``, ``hero_<category>``, ``matched``, ``unmatched``, ``weakest`` or
            ``clean``.
        k: how many heads were asked for.
        heads: sorted; none where the set does not exist.
        matched_to: the set type of the heroes whose layers a matched set has, otherwise empty.
        draw: number of the random set.
        reason: why the set does not exist, otherwise empty.
    """

    set_type: str
    k: int
    heads: tuple[Head, ...]
    matched_to: str = ""
    draw: int = 0
    reason: str = ""


def hero_sets(hero_heads: pd.DataFrame) -> dict[str, tuple[Head, ...]]:
    """Set type -> heroes of one model, the first to be ablated first.

    ``hero_joint`` holds the heroes of all categories by their strength on ``select`` prompts; weak
    heads are listed among the heroes, and are none.
    """
    heroes = hero_heads[hero_heads["category"].isin(STRONG_CATEGORIES)].sort_values(
        ["strength_select", "layer", "head"], ascending=[False, True, True], kind="stable"
    )
    sets = {"hero_joint": heroes}
    for category in STRONG_CATEGORIES:
        sets[f"hero_{category}"] = heroes[heroes["category"] == category].sort_values("rank")
    return {
        name: tuple(zip(rows["layer"].tolist(), rows["head"].tolist(), strict=True))
        for name, rows in sets.items()
        if len(rows)
    }


def choose_sets(
    slug: str,
    shape: tuple[int, int],
    hero_heads: pd.DataFrame,
    classified_heads: pd.DataFrame,
    settings: AblationSettings,
) -> list[HeadSet]:
    """All sets of one model, the clean run (an empty set) first; none where it has no heroes.

    Random sets are drawn from all heads, heroes among them as it comes, and are never the hero set
    itself: if being a hero means nothing, the hero set is one of them, and p is a probability. Sets
    without any hero are not like a hero set even then. Weakest heads are none of the heroes.
    Unmatched sets are drawn only where a hero set is measured with all its heroes: they are the
    weaker comparison, and as dear as the matched ones.

    Args:
        shape: layers and heads per layer.
        hero_heads, classified_heads: rows of the model; the weakest heads have the smallest
            strength on ``select`` prompts.

    Raises:
        CircuitScalingError: a hero is outside the model's shape.
    """
    heroes = hero_sets(hero_heads)
    if not heroes:
        return []
    _check_shape(slug, shape, heroes["hero_joint"])
    every = [(layer, head) for layer in range(shape[0]) for head in range(shape[1])]
    others = set(every) - set(heroes["hero_joint"])
    ranked = classified_heads.sort_values(["strength_select", "layer", "head"], kind="stable")
    by_strength = zip(ranked["layer"].tolist(), ranked["head"].tolist(), strict=True)
    weakest = [head for head in by_strength if head in others]
    sets = [HeadSet("clean", 0, ())]
    for name, ordered in heroes.items():
        for k in settings.sizes(len(ordered)):
            sets += _heroes_and_matched(name, k, ordered, every, settings)
    for k in sorted({chosen.k for chosen in sets if chosen.heads}):
        if len(weakest) < k:
            lack = f"{len(weakest)} other heads to choose from, {k} are needed"
            sets.append(HeadSet("weakest", k, (), reason=lack))
        else:
            sets.append(HeadSet("weakest", k, tuple(sorted(weakest[:k]))))
    for k in sorted({k for _, k in largest(sets)}):
        rng = np.random.default_rng([settings.seed, k])
        sets += _random("unmatched", k, distinct_sets([(every, k)], settings.n_random, rng))
    return sets


def largest(sets: Iterable[HeadSet]) -> set[tuple[str, int]]:
    """Each type of hero set with the most heroes that it is measured with."""
    sizes: dict[str, int] = {}
    for chosen in sets:
        if chosen.set_type.startswith("hero_") and chosen.heads:
            sizes[chosen.set_type] = max(chosen.k, sizes.get(chosen.set_type, 0))
    return set(sizes.items())


def shortages(sets: Sequence[HeadSet], n_random: int) -> list[str]:
    """A line for each kind of set that does not exist, or of which there are fewer than asked."""
    lines = []
    there_are = Counter((s.set_type, s.matched_to, s.k) for s in sets if not s.reason)
    for chosen in sets:
        name = f"{chosen.set_type} set of {chosen.k}"
        name += f" for {chosen.matched_to}" if chosen.matched_to else ""
        found = there_are[chosen.set_type, chosen.matched_to, chosen.k]
        if chosen.reason:
            lines.append(f"no {name}: {chosen.reason}")
        elif chosen.set_type in ("matched", "unmatched") and not chosen.draw and found < n_random:
            lines.append(f"{name}: all {found} that there are, {n_random} were asked for")
    return lines


def _heroes_and_matched(
    name: str, k: int, ordered: Sequence[Head], every: Sequence[Head], settings: AblationSettings
) -> Iterator[HeadSet]:
    """The first ``k`` heroes of a set, and random sets with as many heads in each layer."""
    if k > len(ordered):
        lack = f"{counted(len(ordered), 'hero head')}, {k} asked for"
        yield HeadSet(name, k, (), reason=lack)
        return
    heroes = tuple(sorted(ordered[:k]))
    yield HeadSet(name, k, heroes)
    wanted = Counter(layer for layer, _ in heroes)
    pools = [([h for h in every if h[0] == layer], size) for layer, size in wanted.items()]
    # The layers are the seed: heroes of the same layers meet the same random heads.
    rng = np.random.default_rng([settings.seed, *(layer for layer, _ in heroes), k])
    drawn = distinct_sets(pools, settings.n_random, rng, without=heroes)
    yield from _random("matched", k, drawn, name)


def _random(
    set_type: str, k: int, drawn: Sequence[tuple[Head, ...]], matched_to: str = ""
) -> list[HeadSet]:
    """A row for each set that was drawn; one with the reason where there is none to draw."""
    if not drawn:
        reason = "the heroes are all heads of their layers"
        return [HeadSet(set_type, k, (), matched_to, reason=reason)]
    return [HeadSet(set_type, k, heads, matched_to, i) for i, heads in enumerate(drawn)]


def _check_shape(slug: str, shape: tuple[int, int], heroes: Sequence[Head]) -> None:
    for layer, head in heroes:
        if not (layer < shape[0] and head < shape[1]):
            raise CircuitScalingError(
                f"Hero head L{layer}H{head} is outside the shape of '{slug}' ({shape[0]} layers, "
                f"{shape[1]} heads): the heroes were found in another model. Find them again: "
                f"{run_command(['scan', 'join', 'classify'])}"
            )
