"""Scan one model: every head, every task, every intervention, with uncertainty and provenance."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from circuit_scaling.interventions.anatomy import Anatomy
from circuit_scaling.interventions.engine import (
    Ablation,
    clean_readouts,
    default_chunk,
    scan_layers,
)
from circuit_scaling.interventions.profiles import head_profiles
from circuit_scaling.interventions.readouts import Readout
from circuit_scaling.models.loading import LoadedModel, load_model
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.spec import Tasks, TaskSpec
from circuit_scaling.scanning.batches import batches_of
from circuit_scaling.scanning.fingerprint import scan_fingerprint
from circuit_scaling.scanning.spec import Intervention, ScanSettings
from circuit_scaling.statistics.bootstrap import cluster_bootstrap
from circuit_scaling.statistics.clusters import cluster_totals
from circuit_scaling.statistics.testing import q_values, sign_flip_p

_TESTED_TASKS = ("ioi", "anti_names")  # one family of tests per model (DESIGN 3, inference)
_LIBRARIES = ("circuit-scaling", "torch", "transformers", "transformer-lens", "numpy")

Progress = Callable[[str, int], None]
"""Called with what is being measured and how many heads have just been finished."""


@dataclass(frozen=True)
class ScanTables:
    """The tables of one model's scan (schemas in ``tables/schemas.py``)."""

    head_effects: pd.DataFrame
    head_profiles: pd.DataFrame
    competence: pd.DataFrame
    run_log: pd.DataFrame


def scan_model(
    slug: str,
    entry: RosterEntry,
    tasks: Tasks,
    settings: ScanSettings,
    prompts: pd.DataFrame,
    progress: Progress = lambda _what, _heads: None,
) -> ScanTables:
    """Ablate every head of one model on every scanned task.

    Raises:
        CircuitScalingError: the model cannot be loaded, or an ablation has no reference set.
    """
    started = time.perf_counter()
    torch.use_deterministic_algorithms(True)
    loaded = load_model(slug, entry)
    fingerprint = scan_fingerprint(entry, tasks, settings, prompts["fingerprint"].iloc[0])
    measured = [
        _Measurement(slug, entry, loaded.anatomy, task, spec, settings, prompts)
        for task, spec in tasks.scanned().items()
    ]
    effects = pd.concat(
        [rows for m in measured for rows in m.head_effects(progress)], ignore_index=True
    )
    effects["q"] = _q_column(effects, settings)
    effects["fingerprint"] = fingerprint
    seconds = time.perf_counter() - started
    return ScanTables(
        head_effects=effects[_EFFECT_ORDER],
        head_profiles=_profiles(slug, entry, loaded, prompts, settings, fingerprint),
        competence=pd.DataFrame([m.competence() for m in measured]),
        run_log=_run_log(slug, loaded.anatomy, measured, seconds, len(effects)),
    )


_EFFECT_ORDER = [
    *("family", "model", "layer", "head", "task", "readout", "ablation", "positions"),
    *("delta", "se", "low", "high", "p", "q", "delta_logprob", "se_logprob"),
    *("n_prompts", "n_clusters", "n_layers", "n_heads", "clean_metric", "effects", "fingerprint"),
]


@dataclass(frozen=True)
class _Measurement:
    """One task on one model."""

    slug: str
    entry: RosterEntry
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

    def head_effects(self, progress: Progress) -> Iterator[pd.DataFrame]:
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
            "family": self.entry.family,
            "model": self.slug,
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

        def scan(batch: object) -> dict[Readout, NDArray[np.float32]]:
            layers = []
            for layer in scan_layers(
                self.anatomy, batch, ablation, self.readouts, self.chunk()  # type: ignore[arg-type]
            ):
                layers.append(layer.effects)
                progress(f"{self.task} {intervention}", self.anatomy.n_heads)
            return {name: np.concatenate([e[name] for e in layers]) for name in self.readouts}

        return self._gather(scan)

    def _gather(
        self, measure: Callable[..., dict[Readout, NDArray[np.float32]]]
    ) -> dict[Readout, NDArray[np.float32]]:
        """Measure each batch and put the last axis back in the order of the prompts table."""
        gathered: dict[Readout, NDArray[np.float32]] = {}
        for places, batch in batches_of(self.prompts, self.task, self.spec.reference):
            here = places >= 0
            for name, values in measure(batch).items():
                if name not in gathered:
                    gathered[name] = np.empty((*values.shape[:-1], len(places)), np.float32)
                gathered[name][..., here] = values[..., places[here]]
        return gathered

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
                "family": self.entry.family,
                "model": self.slug,
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


def _q_column(effects: pd.DataFrame, settings: ScanSettings) -> NDArray[np.float64]:
    """Benjamini-Hochberg over the heads on IOI and anti-repeat at the primary intervention."""
    tested = (
        effects["task"].isin(_TESTED_TASKS)
        & (effects["ablation"] == settings.primary.ablation)
        & (effects["positions"] == settings.primary.positions)
    ).to_numpy()
    q = np.full(len(effects), np.nan)
    if tested.any():
        q[tested] = q_values(effects["p"].to_numpy()[tested])
    return q


def _profiles(
    slug: str,
    entry: RosterEntry,
    loaded: LoadedModel,
    prompts: pd.DataFrame,
    settings: ScanSettings,
    fingerprint: str,
) -> pd.DataFrame:
    vocabulary = np.unique(np.concatenate(prompts["candidates"].to_list())).astype(np.int64)
    scores = head_profiles(loaded.anatomy, vocabulary, settings.seed)
    layers, heads = np.indices((loaded.anatomy.n_layers, loaded.anatomy.n_heads))
    return pd.DataFrame(
        {
            "family": entry.family,
            "model": slug,
            "layer": layers.ravel(),
            "head": heads.ravel(),
            "n_layers": loaded.anatomy.n_layers,
            "n_heads": loaded.anatomy.n_heads,
            **{name: values.ravel().astype(np.float64) for name, values in scores.items()},
            "fingerprint": fingerprint,
        }
    )


def _run_log(
    slug: str,
    anatomy: Anatomy,
    measured: list[_Measurement],
    seconds: float,
    heads_measured: int,
) -> pd.DataFrame:
    on_gpu = anatomy.device.type == "cuda"
    peak = (
        torch.cuda.max_memory_allocated() / 2**20
        if on_gpu
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    )
    return pd.DataFrame(
        [
            {
                "stage": "scan",
                "model": slug,
                "seconds": seconds,
                "peak_memory_mb": float(peak),
                "device": torch.cuda.get_device_name() if on_gpu else "cpu",
                "threads": torch.get_num_threads(),
                "chunk": max(m.chunk() for m in measured),
                "heads_per_second": heads_measured / seconds,
                "versions": json.dumps({name: version(name) for name in _LIBRARIES}),
            }
        ]
    )
