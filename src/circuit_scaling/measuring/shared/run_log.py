"""What a stage took on a model: seconds, memory, device, chunk, versions of the libraries."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Literal

import pandas as pd

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.device import report_device
from circuit_scaling.interventions.replay.chunk import Chunk

_LIBRARIES = ("circuit-scaling", "torch", "transformers", "transformer-lens", "numpy")
Stage = Literal["scan", "causal", "ablation", "retrieval_detect", "retrieval_mask"]
COUNTED: dict[Stage, str] = {
    "scan": "heads",
    "causal": "patched runs and paths",
    "ablation": "sets of heads",
    "retrieval_detect": "questions",
    "retrieval_mask": "answers",
}
"""What each stage does many of; a head, run or set counts once for each task and ablation."""


def run_log(
    stage: Stage,
    slug: str,
    anatomy: Anatomy,
    weights: str,
    chunk: Chunk,
    seconds: float,
    done: float,
) -> pd.DataFrame:
    """The one line of a stage on a model.

    Args:
        weights: their dtype, and how they were quantised.
        seconds: that it took, loading and all.
        done: how many heads, runs or sets were measured in that time.
    """
    device = report_device(anatomy)
    return pd.DataFrame(
        [
            {
                "stage": stage,
                "model": slug,
                "seconds": seconds,
                "peak_memory_mb": device.peak_memory_mb,
                "device": device.name,
                "threads": device.threads,
                "weights": weights,
                "chunk": chunk.tokens,
                "counted": COUNTED[stage],
                "per_second": done / seconds,
                "versions": json.dumps({name: version(name) for name in _LIBRARIES}),
            }
        ]
    )
