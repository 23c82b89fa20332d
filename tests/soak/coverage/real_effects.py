"""Effects of the embedded models' heads, by block of prompts: populations to draw clusters from."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.measuring.scan.measurement import Measurement
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.measuring.shared.opened import alone_on_device
from circuit_scaling.models.loading import load_any
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings
from circuit_scaling.vocabulary import STUDY_TASKS
from tests.conftest import PROJECT

ZOO = PROJECT / "data" / "01_raw" / "zoo"
SEEDS = range(5)  # each deals the names into other pairs
_SETTINGS = ScanSettings(
    primary=AblationKind(ablation="zero", positions="all"), ablations=(), positions=(), draws=1
)


class Blocks(NamedTuple):
    """Mean effects of every head on blocks of prompts of one pair of names and one template."""

    model: str
    effects: dict[str, NDArray[np.float64]]  # task -> [heads, blocks]
    layers: NDArray[np.intp]  # [heads]


@cache
def embedded() -> tuple[Blocks, ...]:
    """All embedded models that learnt both tasks: half a minute each."""
    folders = sorted(folder for folder in ZOO.iterdir() if folder.name.startswith("mini_"))
    return tuple(_blocks(folder.name) for folder in folders)


def _blocks(model: str) -> Blocks:
    with alone_on_device("float32"):
        loaded = load_any(ZOO / model, None, "auto")
        chunk = Chunk.of(loaded.anatomy)
        found: dict[str, list[NDArray[np.float64]]] = {task: [] for task in STUDY_TASKS}
        layers = np.empty(0, dtype=np.intp)
        for seed in SEEDS:
            prompts, _ = build_prompts(
                shipped_tasks(),
                PromptSettings(n_prompts=320, seed=seed),
                loaded.reads.tokenizer,
                prefix=loaded.reads.prefix,
            )
            for task in STUDY_TASKS:
                spec = shipped_tasks().root[task]
                measurement = Measurement(loaded.anatomy, task, spec, _SETTINGS, prompts, chunk)
                (table,) = measurement.head_effects()
                layers = table["layer"].to_numpy(dtype=np.intp)
                found[task].append(_by_block(table, measurement.rows))
    joined = {task: np.concatenate(parts, axis=1) for task, parts in found.items()}
    return Blocks(model, joined, layers)


def _by_block(table: pd.DataFrame, prompts: pd.DataFrame) -> NDArray[np.float64]:
    """Means over the prompts of one pair, template and data seed: [heads, blocks]."""
    keys = prompts[["cluster", "template", "data_seed"]].astype(str).agg("|".join, axis=1)
    codes, names = pd.factorize(keys)
    values = np.stack(table["effects"].to_list()).astype(np.float64)
    sums = np.stack([np.bincount(codes, row, len(names)) for row in values])
    return np.asarray(sums / np.bincount(codes))


def recentred(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Effects of heads that have none on average: [heads, blocks]."""
    return blocks - blocks.mean(axis=1, keepdims=True)


def clusters(
    blocks: NDArray[np.float64], n_clusters: int, repetitions: int, rng: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    """The same drawn clusters of every head, again and again: [heads, clusters]."""
    for _ in range(repetitions):
        yield blocks[:, rng.integers(0, blocks.shape[1], n_clusters)]
