"""Plans of large studies: operations, hours at measured rates, bytes and files; nothing is run."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from benchmarks.flops import sizes_of
from benchmarks.shapes import STUDY, config_of, meta_model, pythia
from benchmarks.study import POSITIONS, PROMPTS, TASKS
from circuit_scaling.plan.operations import Sizes, scan_operations
from tests.helpers.filled_tables import filled

ROOT = Path(__file__).parents[1]
CHECKPOINTS = 154  # of each size of Pythia: step 0, powers of two to 512, every thousand to 143,000
_LARGER_PYTHIAS = {"pythia_6_9b": (32, 32, 4096), "pythia_12b": (36, 40, 5120)}
_UNMEASURED_RATE_OF = "pythia_2_8b"
# Llama-3-70B: grouped queries, gated MLP.
LLAMA_70B = Sizes(80, 64, 8192, 8192, 1024, 3 * 8192 * 28672, 128256, parallel=False)


@dataclass(frozen=True)
class Scan:
    """One model's scan of both tasks under one kind of ablation, and how often it is made.

    Attributes:
        flops: float32 operations per second that were measured; of a like model where
            ``measured`` is false.
        times: how many checkpoints of this shape there are.
    """

    model: str
    sizes: Sizes
    flops: float
    measured: bool
    times: int = 1

    @property
    def operations(self) -> float:
        """Necessary operations of all checkpoints."""
        return self.times * TASKS * scan_operations(self.sizes, PROMPTS, POSITIONS)

    @property
    def hours(self) -> float:
        """Of one card."""
        return self.operations / self.flops / 3600

    @property
    def rows(self) -> int:
        """Heads times tasks, in all checkpoints."""
        return self.times * TASKS * self.sizes.n_layers * self.sizes.n_heads


def plans(results: Path) -> dict[str, list[Scan]]:
    """The study, Pythia's training, and a model of 70 billion parameters."""
    rates = _rates(results)
    shapes = {name: sizes_of(meta_model(config_of(name))) for name in STUDY}
    study = [Scan(name, sizes, rates[name], True) for name, sizes in shapes.items()]
    pythias = {name: sizes for name, sizes in shapes.items() if name.startswith("pythia")}
    pythias |= {
        name: sizes_of(meta_model(pythia(*shape))) for name, shape in _LARGER_PYTHIAS.items()
    }
    training = [
        Scan(name, sizes, rates.get(name, rates[_UNMEASURED_RATE_OF]), name in rates, CHECKPOINTS)
        for name, sizes in pythias.items()
    ]
    large = [Scan("llama_70b", LLAMA_70B, rates[_UNMEASURED_RATE_OF], False)]
    return {
        f"The {len(study)} models of the study": study,
        f"Pythia: {CHECKPOINTS} training checkpoints of {len(training)} sizes": training,
        "A model of 70 billion parameters": large,
    }


def card(results: Path) -> str:
    """The device that the rates were measured on."""
    return str(_studies(results)[0]["machine"]["device"])


def _rates(results: Path) -> dict[str, float]:
    return {line["model"]: line["flops"] for line in _studies(results)}


def _studies(results: Path) -> list[dict]:
    lines = map(json.loads, (results / "cuda.jsonl").read_text(encoding="utf-8").splitlines())
    return [
        line for line in lines if line["benchmark"] == "study" and line["precision"] == "float32"
    ]


def bytes_per_row(prompts: int) -> tuple[float, float]:
    """Of ``head_effects`` on the disk, with the effect on every prompt and without any.

    Measured on made-up values in the shape of GPT-2 small, which parquet cannot make smaller.
    """
    keys = pd.MultiIndex.from_product(
        [["gpt2"], ["gpt2"], ["ioi", "anti_names"], range(12), range(12)],
        names=["family", "model", "task", "layer", "head"],
    )
    frame = keys.to_frame(index=False).assign(readout="contrast", ablation="zero", positions="all")
    frame = frame.assign(n_prompts=prompts, n_clusters=prompts // 2, n_layers=12, n_heads=12)
    drawn = np.random.default_rng(0).standard_normal((len(frame), prompts)).astype(np.float32)
    full = filled("head_effects", frame.assign(effects=list(drawn)))
    return tuple(_stored(table) / len(frame) for table in (full, full.drop(columns="effects")))  # type: ignore[return-value]


def _stored(table: pd.DataFrame) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        table.to_parquet(path)
        return path.stat().st_size


def tables_per_model() -> int:
    """How many versioned tables the study of circuits keeps of each model."""
    entries: dict[str, dict] = {}
    for file in sorted((ROOT / "conf" / "base").glob("catalog_*.yml")):
        entries |= yaml.safe_load(file.read_text(encoding="utf-8").replace("${", "$ {")) or {}
    return sum(
        name.endswith("__{model}") and ".retrieval." not in str(entry.get("validator", "retrieval"))
        for name, entry in entries.items()
        if "validator" in entry
    )


def heads_of(plan: Sequence[Scan]) -> int:
    """Heads of all checkpoints."""
    return sum(scan.rows for scan in plan) // TASKS
