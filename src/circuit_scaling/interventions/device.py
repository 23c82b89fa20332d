"""What a run needs to know of the device, and how it stays reproducible on it."""

from __future__ import annotations

import resource
from dataclasses import dataclass

import torch

from circuit_scaling.interventions.anatomy import Anatomy


@dataclass(frozen=True)
class DeviceReport:
    """Where something ran; ``peak_memory_mb`` is of the GPU, or of the whole process on a CPU."""

    name: str
    threads: int
    peak_memory_mb: float


def be_deterministic() -> None:
    """Same device, threads and chunk: same bits. TF32 stays off."""
    torch.use_deterministic_algorithms(True)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def report_device(anatomy: Anatomy) -> DeviceReport:
    """Name, threads and peak memory of the device that holds the model."""
    threads = torch.get_num_threads()
    if anatomy.device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(anatomy.device) / 2**20
        return DeviceReport(torch.cuda.get_device_name(anatomy.device), threads, peak)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return DeviceReport("cpu", threads, peak)
