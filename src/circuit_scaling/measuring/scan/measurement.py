"""One task on one model: effects of every head, competence, and how sure they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.operations.ablate_heads import (
    LayerEffects,
    clean_readouts,
    scan_layers,
)
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.pairs import head_names
from circuit_scaling.interventions.replay.portions import Portion
from circuit_scaling.interventions.replay.readouts import Readout
from circuit_scaling.measuring.scan.attributions import attribution_scores
from circuit_scaling.measuring.scan.kept_layers import KeptLayers
from circuit_scaling.measuring.scan.kinds import kinds_of
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.measuring.shared.batches import batches_of, by_prompt
from circuit_scaling.measuring.shared.finite import check_finite
from circuit_scaling.measuring.shared.progress import Progress, no_progress
from circuit_scaling.measuring.shared.rows import layers_and_heads
from circuit_scaling.prompts.balance import groups_of
from circuit_scaling.prompts.prompt import SPLITS
from circuit_scaling.prompts.spec import TaskSpec
from circuit_scaling.statistics.clusters import ClusterTotals, cluster_totals
from circuit_scaling.statistics.means import cluster_means, error_between
from circuit_scaling.vocabulary import CHANCE, COMPETENCE_MARGIN


@dataclass(frozen=True)
class Measurement:
    """One task on one model: what the engine gives, with its uncertainty.

    Attributes:
        prompts: the prompts table; the rows of the task and of its reference set are used.
        chunk: how much the engine replays together.
        kept: finished layers, of this scan or of the same one that was stopped.
    """

    anatomy: Anatomy
    task: str
    spec: TaskSpec
    settings: ScanSettings
    prompts: pd.DataFrame
    chunk: Chunk
    kept: KeptLayers = field(default_factory=lambda: KeptLayers(None, {}))

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The task's prompts."""
        return self.prompts[self.prompts["task"] == self.task]

    @cached_property
    def batches(self) -> list[tuple[NDArray[np.int64], Batch]]:
        """The task's prompts by token length, and where each finds its result."""
        return list(batches_of(self.prompts, self.task, self.spec.reference))

    @property
    def answered(self) -> bool:
        """Whether the task's prompts have an answer."""
        return self.spec.readout == "contrast"

    @cached_property
    def clean(self) -> dict[Readout, NDArray[np.float32]]:
        """Readouts of the untouched model, float32 [prompts]: the metric, and what follows.

        With an answer, ``candidates`` says whether it is the best of them.

        Raises:
            CircuitScalingError: the prompts do not fit the model, or a readout is not finite.
        """
        readouts: tuple[Readout, ...] = (self.spec.readout,)
        if self.answered:
            readouts = (*readouts, "candidates")
        clean = by_prompt(
            self.batches,
            lambda batch: clean_readouts(self.anatomy, batch, readouts, self.chunk),
        )
        check_finite(self.task, "the clean model", clean)
        return clean

    @cached_property
    def attributions(self) -> dict[AblationKind, NDArray[np.float32]]:
        """Attribution scores of all heads by kind, [layers * heads, prompts]: approximate.

        Raises:
            CircuitScalingError: as :func:`attribution_scores`.
        """
        return attribution_scores(
            self.anatomy, self.task, self.spec.reference, self.settings, self.prompts, self.chunk
        )

    def head_effects(self, progress: Progress = no_progress) -> Iterator[pd.DataFrame]:
        """Rows of the effects table, one frame per kind of ablation.

        Raises:
            CircuitScalingError: as for :attr:`clean`; an ablation needs references or donors, and
                there are none; the memory is too small for one head on one prompt.
        """
        kinds = kinds_of(self.settings, self.task)
        every = np.arange(len(self.rows))
        effects = self.effects_on(every, kinds, progress)
        for kind in kinds.values():
            yield self.rows_of(kind, {name: effects[kind, name] for name in self.readouts}, every)

    def competence(self) -> dict[str, object]:
        """The clean metric and, where there is an answer, accuracies, with their intervals.

        Competent: the interval of the metric lies above 0 and that of the accuracy above chance,
        and the accuracy is above chance by `COMPETENCE_MARGIN`: a contrast may be told from 0 and
        mean nothing. Not known where there are no intervals.
        """
        metric = self.clean[self.spec.readout]
        clean = cluster_means(self._by_cluster(metric[None]))
        row: dict[str, object] = {
            "task": self.task,
            "readout": self.spec.readout,
            "clean_metric": float(clean.mean[0]),
            "se": float(clean.se[0]),
            "low": float(clean.low[0]),
            "high": float(clean.high[0]),
            "accuracy": np.nan,
            "accuracy_low": np.nan,
            "accuracy_high": np.nan,
            "candidate_accuracy": np.nan,
            "n_prompts": metric.size,
            "n_clusters": self.rows["cluster"].nunique(),
            "most_clusters": self._most_clusters(),
            "competent": None,
        }
        if not self.answered:
            return row
        accuracy = cluster_means(self._by_cluster((metric > 0).astype(np.float64)[None]))
        able = (
            clean.low[0] > 0
            and accuracy.low[0] > CHANCE
            and accuracy.mean[0] >= CHANCE + COMPETENCE_MARGIN
        )
        return row | {
            "accuracy": float(accuracy.mean[0]),
            "accuracy_low": float(np.maximum(accuracy.low[0], 0)),
            "accuracy_high": float(np.minimum(accuracy.high[0], 1)),
            "candidate_accuracy": float(np.mean(self.clean["candidates"])),
            "competent": bool(able) if np.isfinite(clean.low[0]) else None,
        }

    def kept_layers(self) -> tuple[int, int]:
        """How many layers a scan that was stopped has kept, and of how many.

        Prompts that are scanned one after the other have layers of their own.
        """
        found = layers = 0
        kinds = tuple(kinds_of(self.settings, self.task))
        for _, batch in self.batches:
            kept = self.kept.of_batch(self.task, batch, kinds, self.readouts)
            shape = batch.tokens.shape
            for portion in Portion.every(self.anatomy, shape, self.chunk):
                of_portion = range(self.anatomy.n_layers)
                found += sum(any(kept.load(portion, layer)) for layer in of_portion)
                layers += len(of_portion)
        return found, layers

    @property
    def readouts(self) -> tuple[Readout, ...]:
        """What is read of every ablated run; the task's own readout first."""
        return (self.spec.readout, "answer_logprob") if self.answered else (self.spec.readout,)

    def effects_on(
        self,
        places: NDArray[np.int64],
        kinds: Mapping[Ablation, AblationKind],
        progress: Progress = no_progress,
        heads: NDArray[np.bool_] | None = None,
    ) -> dict[tuple[AblationKind, Readout], NDArray[np.float32]]:
        """Effects [layers * heads, places] of kinds of ablation on some of the task's prompts.

        Args:
            places: of the prompts among the task's.
            heads: which are ablated, [layers * heads]; NaN stands for the others. By default all.

        Raises:
            CircuitScalingError: as for :meth:`head_effects`.
        """
        _ = self.clean  # what is wrong with the model itself is seen before it is ablated
        readouts, n_prompts = self.readouts, len(self.rows)
        layers, n_heads = self.anatomy.n_layers, self.anatomy.n_heads
        asked = np.ones(layers * n_heads, np.bool_) if heads is None else heads
        batches = list(batches_of(self.prompts, self.task, self.spec.reference, places))
        computed = sum(len(batch.tokens) for _, batch in batches)
        share = len(places) / n_prompts / max(computed, 1)

        def scan(batch: Batch) -> dict[tuple[AblationKind, Readout], NDArray[np.float32]]:
            shape = (layers, n_heads, len(batch.tokens))
            effects = {
                (kind, name): np.empty(shape, np.float32)
                for kind in kinds.values()
                for name in readouts
            }
            of_layers = asked.reshape(layers, n_heads)
            some = None if asked.all() else of_layers
            kept = self.kept.of_batch(self.task, batch, tuple(kinds), readouts, some)

            def gather(found: LayerEffects) -> float:
                for name, values in found.effects.items():
                    effects[kinds[found.ablation], name][found.layer, :, found.rows] = values
                prompts = len(range(*found.rows.indices(len(batch.tokens))))
                return float(of_layers[found.layer].sum()) * prompts * share

            def known(portion: Portion, layer: int) -> int:
                while found := [*kept.load(portion, layer)]:
                    done = sum(map(gather, found))
                    self.kept.heads += done
                    progress(self.task, done, spared=True)
                    layer += 1
                return layer

            scan = scan_layers(
                *(self.anatomy, batch, tuple(kinds), readouts, self.chunk, known), heads=some
            )
            for found in scan:
                progress(self.task, gather(found))
                kept.store(found)
            return {key: values.reshape(-1, values.shape[-1]) for key, values in effects.items()}

        effects = by_prompt(batches, scan)
        named = [*compress(head_names(self.anatomy.heads), asked)]
        for (kind, name), values in effects.items():
            what = f"the model under {kind} ablation"
            check_finite(self.task, what, {name: values[asked]}, named)
        return effects

    def rows_of(
        self,
        kind: AblationKind,
        effects: Mapping[Readout, NDArray[np.float32]],
        places: NDArray[np.int64],
        heads: NDArray[np.bool_] | None = None,
    ) -> pd.DataFrame:
        """Rows of the effects table for heads that were ablated on the same prompts.

        Args:
            effects: [layers * heads, places] by readout.
            places: of these prompts among the task's; on the others there is no effect (NaN).
            heads: which the rows are for, [layers * heads]; by default all.
        """
        chosen = slice(None) if heads is None else heads
        effects = {name: values[chosen] for name, values in effects.items()}
        metric, rows = effects[self.spec.readout], self.rows.iloc[places]
        clusters = rows["cluster"].to_numpy()
        means = cluster_means(cluster_totals(metric, clusters))
        templates = cluster_totals(metric, rows["template"].to_numpy())
        by_prompt = np.full((len(metric), len(self.rows)), np.nan, np.float32)
        by_prompt[:, places] = metric
        logprob = np.full((2, len(metric)), np.nan)
        if "answer_logprob" in effects:
            on_logprob = cluster_means(cluster_totals(effects["answer_logprob"], clusters))
            logprob = np.stack([on_logprob.mean, on_logprob.se])
        return pd.DataFrame(
            {
                **{name: of[chosen] for name, of in layers_and_heads(self.anatomy).items()},
                "task": self.task,
                "readout": self.spec.readout,
                "ablation": kind.ablation,
                "positions": kind.positions,
                "delta": means.mean,
                "se": means.se,
                "low": means.low,
                "high": means.high,
                "p": means.p,
                "se_templates": error_between(templates),
                "delta_logprob": logprob[0],
                "se_logprob": logprob[1],
                "n_prompts": metric.shape[1],
                "n_clusters": rows["cluster"].nunique(),
                "settled": None,
                "clean_metric": float(np.mean(self.clean[self.spec.readout], dtype=np.float64)),
                "effects": list(by_prompt),
                "attributions": [np.empty(0, np.float32)] * len(metric),
            }
        )

    def _by_cluster(self, values: NDArray[np.floating]) -> ClusterTotals:
        return cluster_totals(values, self.rows["cluster"].to_numpy())

    def _most_clusters(self) -> float:
        """How many clusters the words allow; NaN where they do not limit them."""
        if self.spec.build != "names":
            return np.nan
        names = int(self.rows["candidates"].map(len).max())
        return float(len(SPLITS) * groups_of(names, self.spec.names_per_group))
