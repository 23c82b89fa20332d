"""What a run needs to know of the device, and how it stays reproducible on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.memory import peak_memory

Precision = Literal["float32", "tf32", "bf16"]


@contextmanager
def multiplying_in(precision: Precision) -> Iterator[None]:
    """TF32 on for ``tf32`` and off otherwise, as before afterwards."""
    before = torch.backends.cuda.matmul.fp32_precision
    torch.backends.cuda.matmul.fp32_precision = "tf32" if precision == "tf32" else "ieee"
    try:
        yield
    finally:
        torch.backends.cuda.matmul.fp32_precision = before


@dataclass(frozen=True)
class DeviceReport:
    """Where something ran; ``peak_memory_mb`` is of the GPU, or of the whole process on a CPU."""

    name: str
    threads: int
    peak_memory_mb: float


def prepare_device(precision: Precision) -> None:
    """Same device, threads, chunk and precision: same bits.

    ``tf32`` rounds the factors of matrix products to 10 bits on a GPU and does nothing on a CPU;
    ``bf16`` is a matter of the weights, which are loaded as such.
    """
    # cuBLAS asks for it to be deterministic; it is read when CUDA starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    # Off: a debugging aid that writes over every new tensor.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cuda.matmul.fp32_precision = "tf32" if precision == "tf32" else "ieee"


@contextmanager
def prepared_device(precision: Precision) -> Iterator[None]:
    """:func:`prepare_device` for a while; the process's own switches come back afterwards."""
    matmul = torch.backends.cuda.matmul.fp32_precision
    deterministic = torch.are_deterministic_algorithms_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    prepare_device(precision)
    try:
        yield
    finally:
        torch.backends.cuda.matmul.fp32_precision = matmul
        torch.use_deterministic_algorithms(deterministic)
        torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]


def report_device(anatomy: Anatomy) -> DeviceReport:
    """Name, threads and peak memory of the device that holds the model."""
    cuda = anatomy.device.type == "cuda"
    name = torch.cuda.get_device_name(anatomy.device) if cuda else "cpu"
    return DeviceReport(name, torch.get_num_threads(), peak_memory(anatomy.device) / 2**20)


def computing_on(anatomy: Anatomy) -> str:
    """What bits depend on beside the chunk, in words: shape, device, threads and precision."""
    cuda = anatomy.device.type == "cuda"
    parts = (
        anatomy.architecture,
        f"{anatomy.n_layers}x{anatomy.n_heads}x{anatomy.d_head}x{anatomy.d_model}",
        str(anatomy.dtype).removeprefix("torch."),
        "tf32" if cuda and torch.backends.cuda.matmul.fp32_precision == "tf32" else "full",
        torch.cuda.get_device_name(anatomy.device) if cuda else _cpu_name(),
        f"{torch.get_num_threads()} threads",
        f"torch {torch.__version__}",
    )
    return " ".join(parts)


def _cpu_name() -> str:
    """The processor's name where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "cpu"
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "cpu")
