"""One task on one model: effects of every head, competence, and how sure they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.operations.ablate_heads import clean_readouts, scan_layers
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.pairs import head_names
from circuit_scaling.interventions.replay.readouts import Readout
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.measuring.shared.batches import batches_of, by_prompt
from circuit_scaling.measuring.shared.finite import check_finite
from circuit_scaling.measuring.shared.progress import Progress, no_progress
from circuit_scaling.measuring.shared.rows import layers_and_heads
from circuit_scaling.prompts.spec import TaskSpec
from circuit_scaling.statistics.bootstrap import cluster_bootstrap
from circuit_scaling.statistics.clusters import cluster_totals
from circuit_scaling.statistics.significance import sign_flip_p


@dataclass(frozen=True)
class Measurement:
    """One task on one model: what the engine gives, with its uncertainty.

    Attributes:
        prompts: the prompts table; the rows of the task and of its reference set are used.
        chunk: how much the engine replays together.
    """

    anatomy: Anatomy
    task: str
    spec: TaskSpec
    settings: ScanSettings
    prompts: pd.DataFrame
    chunk: Chunk

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
        """Readouts of the untouched model [prompts]: the metric and, with an answer, whether it is
        the best of the candidates."""
        readouts: tuple[Readout, ...] = (self.spec.readout,)
        if self.answered:
            readouts = (*readouts, "candidates")
        clean = by_prompt(
            self.batches,
            lambda batch: clean_readouts(self.anatomy, batch, readouts, self.chunk),
        )
        check_finite(self.task, "the clean model", clean)
        return clean

    def head_effects(self, progress: Progress = no_progress) -> Iterator[pd.DataFrame]:
        """Rows of the effects table, one frame per kind of ablation."""
        _ = self.clean  # what is wrong with the model itself is seen before it is ablated
        effects = self._effects(progress)
        for kind in self.settings.kinds(self.task):
            of_kind = {name: values for (i, name), values in effects.items() if i == kind}
            yield self._table(kind, of_kind)

    def competence(self) -> dict[str, object]:
        """The clean metric with its interval, and accuracies where there is an answer."""
        metric = self.clean[self.spec.readout]
        totals = cluster_totals(metric[None], self.rows["cluster"].to_numpy())
        boot = cluster_bootstrap(totals, self._rng(), self.settings.n_boot)
        low, high = float(boot.low[0]), float(boot.high[0])
        return {
            "task": self.task,
            "readout": self.spec.readout,
            "clean_metric": float(boot.mean[0]),
            "se": float(boot.se[0]),
            "low": low,
            "high": high,
            "accuracy": float(np.mean(metric > 0)) if self.answered else np.nan,
            "candidate_accuracy": float(np.mean(self.clean["candidates"]))
            if self.answered
            else np.nan,
            "n_prompts": metric.size,
            "n_clusters": len(totals.labels),
            "competent": low > 0 if self.answered and np.isfinite(low) else None,
        }

    def _effects(
        self, progress: Progress
    ) -> dict[tuple[AblationKind, Readout], NDArray[np.float32]]:
        """Effects [layers * heads, prompts] of every kind of ablation, by readout."""
        kinds = {
            Ablation(i.ablation, i.positions, self.settings.draws, self.settings.seed): i
            for i in self.settings.kinds(self.task)
        }
        readouts: tuple[Readout, ...] = (self.spec.readout,)
        if self.answered:
            readouts = (*readouts, "answer_logprob")
        asked = sum(len(batch.tokens) for _, batch in self.batches)
        layers, heads = self.anatomy.n_layers, self.anatomy.n_heads

        def scan(batch: Batch) -> dict[tuple[AblationKind, Readout], NDArray[np.float32]]:
            shape = (layers, heads, len(batch.tokens))
            effects = {
                (kind, name): np.empty(shape, np.float32)
                for kind in kinds.values()
                for name in readouts
            }
            for found in scan_layers(self.anatomy, batch, tuple(kinds), readouts, self.chunk):
                for name, values in found.effects.items():
                    effects[kinds[found.ablation], name][found.layer, :, found.rows] = values
                progress(self.task, heads * len(range(*found.rows.indices(asked))) / asked)
            return {key: values.reshape(-1, values.shape[-1]) for key, values in effects.items()}

        effects = by_prompt(self.batches, scan)
        for (kind, name), values in effects.items():
            check_finite(
                self.task,
                f"the model under {kind} ablation",
                {name: values},
                head_names(self.anatomy.heads),
            )
        return effects

    def _table(
        self,
        kind: AblationKind,
        effects: dict[Readout, NDArray[np.float32]],
    ) -> pd.DataFrame:
        clusters = self.rows["cluster"].to_numpy()
        metric = effects[self.spec.readout]
        totals = cluster_totals(metric, clusters)
        boot = cluster_bootstrap(totals, self._rng(), self.settings.n_boot)
        logprob = np.full((2, len(metric)), np.nan)
        if "answer_logprob" in effects:
            on_logprob = cluster_bootstrap(
                cluster_totals(effects["answer_logprob"], clusters),
                self._rng(),
                self.settings.n_boot,
            )
            logprob = np.stack([on_logprob.mean, on_logprob.se])
        return pd.DataFrame(
            {
                **layers_and_heads(self.anatomy),
                "task": self.task,
                "readout": self.spec.readout,
                "ablation": kind.ablation,
                "positions": kind.positions,
                "delta": boot.mean,
                "se": boot.se,
                "low": boot.low,
                "high": boot.high,
                "p": sign_flip_p(totals, self._rng(), self.settings.n_flips),
                "delta_logprob": logprob[0],
                "se_logprob": logprob[1],
                "n_prompts": metric.shape[1],
                "n_clusters": len(totals.labels),
                "clean_metric": float(np.mean(self.clean[self.spec.readout], dtype=np.float64)),
                "effects": list(metric),
            }
        )

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(self.settings.seed)
