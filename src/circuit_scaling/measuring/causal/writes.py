"""Where heads write to: the paths from a hero to later heads and to the logits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from circuit_scaling.interventions.operations.path_patching import (
    CHANNELS,
    Receiver,
    later_receivers,
    path_effects,
    path_estimates,
)
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.pairs import Head, head_names
from circuit_scaling.measuring.causal.heroes import Subjects
from circuit_scaling.measuring.causal.traced_task import TracedTask, Values
from circuit_scaling.measuring.shared.finite import check_finite
from circuit_scaling.measuring.shared.progress import Progress
from circuit_scaling.vocabulary import CATEGORIES

Receivers = dict[Head, list[Receiver]]


def head_writes(
    traced: TracedTask, subjects: Subjects, progress: Progress
) -> Iterator[pd.DataFrame]:
    """One frame per hero: the path to the logits, to each receiver, and to each category of head.

    ``effect`` is what the path alone does to m in the clean run (noising: negative of a path that
    carries the task), ``share`` its part of the total effect. The row of a category is the sum over
    its measured receivers, which are the same on all prompts.
    """
    receivers = strongest_receivers(traced, subjects.heroes)

    def follow(batch: Batch) -> dict[Head, Values]:
        found = path_effects(
            traced.anatomy, traced.pairs(batch), subjects.heroes, receivers, traced.chunk
        )
        progress(f"{traced.task}, paths", len(found) * len(batch.tokens) / traced.n_asked)
        return {
            path.sender: np.concatenate([path.total[None], path.logits[None], path.effects])
            for path in found
        }

    for sender, effects in traced.measure(follow).items():
        names = ["the total", "the path to the logits", *map(str, receivers[sender])]
        (name,) = head_names([sender])
        check_finite(traced.task, f"path patching from {name}", {"the effect": effects}, names)
        yield _table(traced, subjects, sender, receivers[sender], effects)


def strongest_receivers(traced: TracedTask, senders: tuple[Head, ...]) -> Receivers:
    """Of each sender the ``max_receivers`` with the largest mean estimate, by absolute value.

    In the order of layer, head and channel; all of them where there are no more.
    """
    every = {sender: later_receivers(traced.anatomy, sender) for sender in senders}
    most = traced.settings.max_receivers
    if most is None or all(len(receivers) <= most for receivers in every.values()):
        return every

    def estimate(batch: Batch) -> dict[str, Values]:
        return {
            "paths": path_estimates(traced.anatomy, traced.pairs(batch), senders, traced.chunk),
        }

    estimates = np.abs(traced.measure(estimate)["paths"].mean(axis=-1, dtype=np.float64))
    chosen = {}
    for place, (sender, receivers) in enumerate(every.items()):
        sizes = [estimates[place, r.layer, r.head, CHANNELS.index(r.channel)] for r in receivers]
        strongest = np.argsort(-np.array(sizes), kind="stable")[:most]
        chosen[sender] = [receivers[i] for i in np.sort(strongest)]
    return chosen


def _table(
    traced: TracedTask, subjects: Subjects, sender: Head, receivers: list[Receiver], found: Values
) -> pd.DataFrame:
    total, logits, paths = found[0], found[1], found[2:]
    to = [subjects.categories[receiver.layer, receiver.head] for receiver in receivers]
    sums = {
        category: paths[[name == category for name in to]].sum(axis=0)
        for category in CATEGORIES
        if category in to
    }
    rows = [_row("logits"), *(_row("head", r, c) for r, c in zip(receivers, to, strict=True))]
    rows += [_row("category", category=category) for category in sums]
    values = np.array([logits, *paths, *sums.values()], dtype=np.float32)
    effects, shares = traced.means(values), traced.ratios(values, total)
    return pd.DataFrame(rows).assign(
        layer=sender[0],
        head=sender[1],
        category=subjects.category(sender),
        task=traced.task,
        **traced.counts(),
        total=float(np.mean(total, dtype=np.float64)),
        effect=effects.mean,
        low=effects.low,
        high=effects.high,
        share=shares.value,
        share_low=shares.low,
        share_high=shares.high,
        n_receivers=len(receivers),
        n_possible=len(later_receivers(traced.anatomy, sender)),
    )


def _row(
    destination: str, receiver: Receiver | None = None, category: str = ""
) -> dict[str, object]:
    return {
        "destination": destination,
        "receiver_layer": np.nan if receiver is None else float(receiver.layer),
        "receiver_head": np.nan if receiver is None else float(receiver.head),
        "channel": "" if receiver is None else receiver.channel,
        "receiver_category": category,
    }
