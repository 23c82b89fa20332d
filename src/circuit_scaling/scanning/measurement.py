"""One task on one model: effects of every head, competence, and how sure they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.interventions.anatomy import Anatomy
from circuit_scaling.interventions.batch import Ablation, Batch
from circuit_scaling.interventions.engine import clean_readouts, default_chunk, scan_layers
from circuit_scaling.interventions.readouts import Readout
from circuit_scaling.prompts.spec import TaskSpec
from circuit_scaling.scanning.batches import batches_of, by_prompt
from circuit_scaling.scanning.spec import Intervention, ScanSettings
from circuit_scaling.statistics.bootstrap import cluster_bootstrap
from circuit_scaling.statistics.clusters import cluster_totals
from circuit_scaling.statistics.testing import sign_flip_p

Progress = Callable[[str, int], None]
"""Called with what is being measured and how many ablations (head x prompt) are done."""


def no_progress(_what: str, _ablations: int) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Measurement:
    """One task on one model: what the engine gives, with its uncertainty.

    Attributes:
        prompts: the prompts table; the rows of the task and of its reference set are used.
    """

    anatomy: Anatomy
    task: str
    spec: TaskSpec
    settings: ScanSettings
    prompts: pd.DataFrame

    @property
    def rows(self) -> pd.DataFrame:
        """The task's prompts."""
        return self.prompts[self.prompts["task"] == self.task]

    @property
    def readouts(self) -> tuple[Readout, ...]:
        """The metric, and the answer's log-probability where there is an answer."""
        has_answer = self.spec.readout == "contrast"
        return ("contrast", "answer_logprob") if has_answer else (self.spec.readout,)

    def chunk(self) -> int:
        """Heads replayed together."""
        if self.settings.chunk != "auto":
            return self.settings.chunk
        _, batch = next(iter(batches_of(self.prompts, self.task, self.spec.reference)))
        return default_chunk(self.anatomy, batch)

    def head_effects(self, progress: Progress = no_progress) -> Iterator[pd.DataFrame]:
        """Rows of the effects table, one frame per intervention."""
        clean = self._gather(lambda batch: clean_readouts(self.anatomy, batch, self.readouts))
        clean_metric = float(np.mean(clean[self.spec.readout], dtype=np.float64))
        for intervention in self.settings.interventions(self.task):
            effects = self._effects(intervention, progress)
            yield self._table(intervention, effects, clean_metric)

    def competence(self) -> dict[str, object]:
        """The clean metric with its interval, and accuracies where there is an answer."""
        readouts: tuple[Readout, ...] = (self.spec.readout,)
        if self.spec.readout == "contrast":
            readouts = ("contrast", "candidates")
        clean = self._gather(lambda batch: clean_readouts(self.anatomy, batch, readouts))
        metric = clean[self.spec.readout]
        totals = cluster_totals(metric[None], self.rows["cluster"].to_numpy())
        boot = cluster_bootstrap(totals, self._rng(), self.settings.n_boot)
        low, high = float(boot.low[0]), float(boot.high[0])
        answered = self.spec.readout == "contrast"
        return {
            "task": self.task,
            "readout": self.spec.readout,
            "clean_metric": float(boot.mean[0]),
            "se": float(boot.se[0]),
            "low": low,
            "high": high,
            "accuracy": float(np.mean(metric > 0)) if answered else np.nan,
            "candidate_accuracy": float(np.mean(clean["candidates"])) if answered else np.nan,
            "n_prompts": metric.size,
            "n_clusters": len(totals.labels),
            "competent": low > 0 if answered and np.isfinite(low) else None,
        }

    def _effects(
        self, intervention: Intervention, progress: Progress
    ) -> dict[Readout, NDArray[np.float32]]:
        """Effects [layers * heads, prompts] by readout."""
        ablation = Ablation(
            intervention.ablation, intervention.positions, self.settings.draws, self.settings.seed
        )

        def scan(batch: Batch) -> dict[Readout, NDArray[np.float32]]:
            layers = []
            for layer in scan_layers(self.anatomy, batch, ablation, self.readouts, self.chunk()):
                layers.append(layer.effects)
                done = self.anatomy.n_heads * len(batch.tokens)
                progress(f"{self.task} {intervention}", done)
            return {name: np.concatenate([e[name] for e in layers]) for name in self.readouts}

        return self._gather(scan)

    def _gather(
        self, measure: Callable[[Batch], dict[Readout, NDArray[np.float32]]]
    ) -> dict[Readout, NDArray[np.float32]]:
        return by_prompt(self.prompts, self.task, self.spec.reference, measure)

    def _table(
        self,
        intervention: Intervention,
        effects: dict[Readout, NDArray[np.float32]],
        clean_metric: float,
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
        layers, heads = np.divmod(np.arange(len(metric)), self.anatomy.n_heads)
        return pd.DataFrame(
            {
                "layer": layers,
                "head": heads,
                "task": self.task,
                "readout": self.spec.readout,
                "ablation": intervention.ablation,
                "positions": intervention.positions,
                "delta": boot.mean,
                "se": boot.se,
                "low": boot.low,
                "high": boot.high,
                "p": sign_flip_p(totals, self._rng(), self.settings.n_flips),
                "delta_logprob": logprob[0],
                "se_logprob": logprob[1],
                "n_prompts": metric.shape[1],
                "n_clusters": len(totals.labels),
                "n_layers": self.anatomy.n_layers,
                "n_heads": self.anatomy.n_heads,
                "clean_metric": clean_metric,
                "effects": list(metric),
            }
        )

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(self.settings.seed)
