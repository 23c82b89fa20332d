"""What every benchmark needs: a clock, a precision, a machine, and a place for results."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from circuit_scaling.interventions.model.device import Precision
from circuit_scaling.interventions.model.device import multiplying_in as device_multiplying_in

PRECISIONS: tuple[Precision, ...] = ("float32", "tf32", "bf16")
Result = dict[str, Any]


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """The options of every benchmark: where to measure, and where to keep what was measured."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=description, formatter_class=layout)
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto: the GPU, if any")
    parser.add_argument("--out", type=Path, help="folder of results, such as docs/benchmarks")
    return parser


def device_of(wanted: str) -> torch.device:
    """``auto`` is the GPU when there is one."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wanted)


def weights_dtype(precision: Precision) -> torch.dtype:
    """TF32 is a way to multiply float32 weights; bf16 is a way to keep them."""
    return torch.bfloat16 if precision == "bf16" else torch.float32


@contextmanager
def multiplying_in(precision: Precision, device: torch.device) -> Iterator[None]:
    """TF32 on for ``tf32`` and off otherwise, as before afterwards.

    Raises:
        ValueError: TF32 was asked of a device that has none.
    """
    if precision == "tf32" and device.type != "cuda":
        raise ValueError("TF32 needs a GPU")
    with device_multiplying_in(precision):
        yield


def now(device: torch.device) -> float:
    """The clock in seconds, after everything that the device was asked to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def allocated_gb(device: torch.device) -> float:
    """What the GPU holds now; 0 on a CPU, where nobody can tell."""
    return torch.cuda.memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0


def machine(device: torch.device) -> Result:
    """What a reader needs to know of the machine, and the day."""
    gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if gpu else _processor(),
        "kind": device.type,
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "transformers": version("transformers"),
        "transformer_lens": version("transformer-lens"),
        "date": date.today().isoformat(),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def keep(out: Path | None, benchmark: str, device: torch.device, result: Result) -> None:
    """Print a result, and add it as one line to ``<out>/<kind of device>.jsonl``."""
    line = json.dumps({"benchmark": benchmark, **result, "machine": machine(device)})
    print(line, flush=True)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        with (out / f"{device.type}.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
