"""How much memory there is, how much was used, and whether it ran out."""

from __future__ import annotations

import resource
from pathlib import Path

import psutil
import torch

# What is left to others: the rest of the process and, on a GPU, fragments.
_SHARE = {"cpu": 0.5, "cuda": 0.8}
_STATUS = Path("/proc/self/status")
_RESET_PEAK = Path("/proc/self/clear_refs")


def default_budget(device: torch.device) -> int:
    """Bytes that a scan may use beside the weights when nobody says: a share of what is free."""
    return int(free_memory(device) * _SHARE.get(device.type, 0.5))


def free_memory(device: torch.device) -> int:
    """Bytes that nobody uses, of the GPU or of the machine."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that an allocation failed, on a GPU or on a CPU."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def release(device: torch.device) -> None:
    """Give memory that is cached but unused back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def reset_peak(device: torch.device) -> None:
    """Begin to count peak memory anew."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif _RESET_PEAK.exists():
        _RESET_PEAK.write_text("5")  # Linux: the peak of resident memory becomes what it is now


def peak_memory(device: torch.device) -> int:
    """Most bytes held since :func:`reset_peak`: of the GPU, or of the whole process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text().splitlines() if "VmHWM" in line)
        return int(line.split()[1]) * 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 2**10
