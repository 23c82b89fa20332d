"""Where the measured chunk of each model and device is kept between runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.kept import Kept

_CHUNKS = Kept("chunks.json")


@dataclass(frozen=True)
class Measured:
    """One measured number, in a file of the user's cache folder.

    The same chunk means the same bits: a second run must find what the first measured.
    """

    key: str

    @classmethod
    def of(cls, anatomy: Anatomy, cap: int | None = None) -> Measured:
        """The number for a model's shape on its device with the threads and precision in force.

        Args:
            cap: tokens that memory allowed, where it ended the measurement.
        """
        cuda = anatomy.device.type == "cuda"
        parts = [
            anatomy.architecture,
            f"{anatomy.n_layers}x{anatomy.n_heads}x{anatomy.d_head}x{anatomy.d_model}",
            str(anatomy.dtype).removeprefix("torch."),
            "tf32" if cuda and torch.backends.cuda.matmul.fp32_precision == "tf32" else "full",
            torch.cuda.get_device_name(anatomy.device) if cuda else _cpu_name(),
            f"{torch.get_num_threads()} threads",
            f"torch {torch.__version__}",
        ]
        if cap is not None:
            parts.append(f"within {cap} tokens")
        return cls(" ".join(parts))

    def load(self) -> int | None:
        """What was measured before; None if nothing was, or the file is not readable."""
        value = _CHUNKS.load(self.key)
        return value if isinstance(value, int) and value > 0 else None

    def store(self, value: int) -> None:
        """Keep ``value``."""
        _CHUNKS.store(self.key, value)


def _cpu_name() -> str:
    """The processor's name where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "cpu"
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "cpu")
