"""Pairs of heroes patched together: whether two heads do more or less than their sum."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pandas as pd

from circuit_scaling.interventions.operations.patch import patch_sets
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.pairs import Direction, head_names
from circuit_scaling.measuring.causal.heroes import Subjects
from circuit_scaling.measuring.causal.influence import DIRECTIONS
from circuit_scaling.measuring.causal.traced_task import TracedTask, Values
from circuit_scaling.measuring.shared.finite import check_finite
from circuit_scaling.measuring.shared.progress import Progress


def joint_influences(
    traced: TracedTask, subjects: Subjects, progress: Progress
) -> Iterator[pd.DataFrame]:
    """A row per pair of heroes, one frame per direction: both patched at once, beside the sum.

    ``interaction`` is joint minus sum, prompt by prompt. Of two heads whose effects have one sign:
    in noising, where heads are lost, more than the sum says that each can stand in for the other
    (either was enough), and less that they need each other (either was missed); in denoising, where
    heads are restored, it is the other way round. Of heads of opposite signs it says neither.
    """
    heroes = subjects.heroes
    pairs = list(combinations(range(len(heroes)), 2))
    if not pairs:
        return
    sets = [[head] for head in heroes] + [[heroes[a], heroes[b]] for a, b in pairs]
    first, second = (list(side) for side in zip(*pairs, strict=True))
    for direction in DIRECTIONS:

        def patch(batch: Batch, direction: Direction = direction) -> dict[str, Values]:
            effects = patch_sets(traced.anatomy, traced.pairs(batch), sets, direction, traced.chunk)
            progress(f"{traced.task}, pairs", len(sets) * len(batch.tokens) / traced.n_asked)
            return {"effects": effects}

        measured = traced.measure(patch)
        names = [" and ".join(head_names(chosen)) for chosen in sets]
        check_finite(traced.task, f"patching pairs ({direction})", measured, names)
        effects = measured["effects"]
        alone, together = effects[: len(heroes)], effects[len(heroes) :]
        joint = traced.means(together)
        interaction = traced.means(together - alone[first] - alone[second])
        single = traced.means(alone).mean
        named = {
            f"{column}_{side}": values
            for side, chosen in (("a", first), ("b", second))
            for column, values in {
                "layer": [heroes[i][0] for i in chosen],
                "head": [heroes[i][1] for i in chosen],
                "category": [subjects.category(heroes[i]) for i in chosen],
                "effect": single[chosen],
            }.items()
        }
        yield pd.DataFrame(
            {
                **named,
                "task": traced.task,
                "direction": direction,
                **traced.counts(),
                "sum": single[first] + single[second],
                "joint": joint.mean,
                "joint_low": joint.low,
                "joint_high": joint.high,
                "interaction": interaction.mean,
                "interaction_low": interaction.low,
                "interaction_high": interaction.high,
                "p": interaction.p,
            }
        )
