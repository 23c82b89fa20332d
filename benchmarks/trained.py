"""Effects of the embedded trained models on a device and in a precision, against the CPU.

    python -m benchmarks.trained --device cuda

The other benchmarks have random weights, where every effect is small; here heads do something, and
it is counted how many would come to lie on the other side of the threshold of the categories.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.measuring import PRECISIONS, Precision, Result, device_of, keep, now, parser_of
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.measuring.scan.measurement import Measurement
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.measuring.shared.opened import alone_on_device
from circuit_scaling.models.loading import load_any
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings

ZOO = Path(__file__).parents[1] / "data" / "01_raw" / "zoo"
TASK = "ioi"
TAU = 0.05
_PROMPTS = 80


def trained(
    models: Iterable[str], precisions: Iterable[Precision], device: torch.device
) -> list[Result]:
    """For every model and precision: the largest differences of effects, and heads across TAU."""
    results = []
    for slug in models:
        expected, _ = _effects(slug, "float32", torch.device("cpu"))
        for precision in precisions:
            found, seconds = _effects(slug, precision, device)
            means, means_there = expected.mean(-1), found.mean(-1)
            crossed = (np.abs(means) >= TAU) != (np.abs(means_there) >= TAU)
            results.append(
                {
                    "model": slug,
                    "task": TASK,
                    "precision": precision,
                    "prompts": _PROMPTS,
                    "heads": means.size,
                    "seconds": seconds,
                    "largest": float(np.abs(found - expected).max()),
                    "largest_of_head_means": float(np.abs(means_there - means).max()),
                    "largest_effect": float(np.abs(means).max()),
                    "across_tau": int(crossed.sum()),
                    "tau": TAU,
                }
            )
    return results


def _effects(
    slug: str, precision: Precision, device: torch.device
) -> tuple[NDArray[np.float64], float]:
    """Effects on the contrast [heads, prompts], zero at all positions; and the seconds."""
    folder = ZOO / slug
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    with alone_on_device(precision):
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).to(device)
        loaded = load_any(model, tokenizer)
        tasks = shipped_tasks()
        settings = PromptSettings(n_prompts=_PROMPTS)
        prompts, _ = build_prompts(
            tasks, settings, loaded.reads.tokenizer, prefix=loaded.reads.prefix
        )
        chunk = Chunk.of(loaded.anatomy)
        primary = AblationKind(ablation="zero", positions="all")
        scan = ScanSettings(primary=primary, ablations=(), positions=(), draws=2)
        start = now(device)
        measurement = Measurement(loaded.anatomy, TASK, tasks.root[TASK], scan, prompts, chunk)
        layers = [layer["effects"].tolist() for layer in measurement.head_effects()]
        seconds = now(device) - start
    return np.array([row for layer in layers for row in layer], np.float64), seconds


def embedded() -> list[str]:
    """The slugs of the shipped models."""
    return sorted(folder.name for folder in ZOO.iterdir() if (folder / "config.json").exists())


def main() -> None:
    """Measure the embedded models in the precisions of this device."""
    parser = parser_of(__doc__)
    parser.add_argument("--models", nargs="+", metavar="SLUG", default=embedded())
    options = parser.parse_args()
    device = device_of(options.device)
    precisions = [p for p in PRECISIONS if p != "tf32" or device.type == "cuda"]
    for result in trained(options.models, precisions, device):
        keep(options.out, "trained", device, result)


if __name__ == "__main__":
    main()
