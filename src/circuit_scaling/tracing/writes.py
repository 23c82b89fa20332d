"""Where heads write to: the paths from a hero to later heads and to the logits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from circuit_scaling.interventions.batch import Batch
from circuit_scaling.interventions.pairs import Head
from circuit_scaling.interventions.paths import PathEffects, Receiver, path_effects
from circuit_scaling.scanning.measurement import Progress
from circuit_scaling.tables.schemas import CATEGORIES
from circuit_scaling.tracing.corruption import pairs_of
from circuit_scaling.tracing.heroes import Subjects
from circuit_scaling.tracing.traced_task import TracedTask, Values

_CHANNELS = 3  # q, k and v of every later head


def head_writes(
    traced: TracedTask, subjects: Subjects, progress: Progress
) -> Iterator[pd.DataFrame]:
    """One frame per hero: the path to the logits, to each receiver, and to each category of head.

    ``effect`` is what the path alone does to m in the clean run (noising: negative of a path that
    carries the task), ``share`` its part of the total effect. The row of a category is the sum over
    its measured receivers. With ``max_receivers`` the strongest by attribution are chosen for each
    token length, and a receiver counts where it was measured at every length: the others were not
    measured on all prompts.
    """
    found = _Gathered(traced, subjects.heroes, progress)
    for sender in subjects.heroes:
        yield _table(traced, subjects, sender, found)


class _Gathered:
    """Path effects of all senders on all prompts of a task."""

    def __init__(self, traced: TracedTask, senders: Sequence[Head], progress: Progress) -> None:
        batches = (batch for _, batch in traced.batches)
        per_batch = [self._of_batch(traced, batch, senders, progress) for batch in batches]
        self.receivers = {
            sender: [
                receiver
                for receiver in per_batch[0][sender].receivers
                if all(receiver in effects[sender].receivers for effects in per_batch)
            ]
            for sender in senders
        }
        following = iter(per_batch)
        self.effects = traced.measure(lambda _: self._common(next(following)))

    def _of_batch(
        self, traced: TracedTask, batch: Batch, senders: Sequence[Head], progress: Progress
    ) -> dict[Head, PathEffects]:
        effects = {}
        for found in path_effects(
            traced.anatomy, pairs_of(batch), senders, traced.settings.max_receivers, traced.chunk
        ):
            effects[found.sender] = found
            progress(f"{traced.task}, paths", len(batch.tokens) / traced.n_asked)
        return effects

    def _common(self, effects: dict[Head, PathEffects]) -> dict[str, Values]:
        """Logits, total and the receivers that every batch has, [paths, prompts] per sender."""
        gathered = {}
        for sender, found in effects.items():
            places = {receiver: place for place, receiver in enumerate(found.receivers)}
            chosen = [places[receiver] for receiver in self.receivers[sender]]
            gathered[_key(sender)] = np.concatenate(
                [found.total[None], found.logits[None], found.effects[chosen]]
            )
        return gathered


def _key(sender: Head) -> str:
    return f"L{sender[0]}H{sender[1]}"


def _table(traced: TracedTask, subjects: Subjects, sender: Head, found: _Gathered) -> pd.DataFrame:
    total, logits, *paths = found.effects[_key(sender)]
    receivers = found.receivers[sender]
    to = [subjects.categories[receiver.layer, receiver.head] for receiver in receivers]
    sums = {
        category: np.sum([path for path, c in zip(paths, to, strict=True) if c == category], axis=0)
        for category in CATEGORIES
        if category in to
    }
    rows = [_row("logits"), *(_row("head", r, c) for r, c in zip(receivers, to, strict=True))]
    rows += [_row("category", category=category) for category in sums]
    values = np.array([logits, *paths, *sums.values()], dtype=np.float32)
    effects, shares = traced.means(values), traced.ratios(values, total)
    later = traced.anatomy.n_layers - 1 - sender[0]
    return pd.DataFrame(rows).assign(
        layer=sender[0],
        head=sender[1],
        category=subjects.categories[sender],
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
        n_possible=_CHANNELS * traced.anatomy.n_heads * later,
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
