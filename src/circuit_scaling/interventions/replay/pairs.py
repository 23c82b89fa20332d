"""Pairs of prompts that differ in what the answer depends on, for patching between their runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.errors import CircuitScalingError

Head = tuple[int, int]
"""Layer and head, from 0."""


Direction = Literal["denoising", "noising"]
"""What a head's output comes from and goes into: clean into corrupt, or corrupt into clean."""

Part = Literal["z", "v"]
"""What is patched: the head's whole output, or its values under the attention of the base run."""


def head_names(heads: Iterable[Head]) -> list[str]:
    """``L0H0`` and so on."""
    return [f"L{layer}H{head}" for layer, head in heads]


@dataclass(frozen=True)
class Pairs:
    """Clean prompts and their corrupt versions, all of one token length.

    Attributes:
        clean, corrupt: int64 [pairs, pos]; no padding.
        answers, distractors: token ids per pair, of the clean prompt. The contrast is theirs in
            both runs, so that it is high in the clean and low in the corrupt one.
    """

    clean: NDArray[np.int64]
    corrupt: NDArray[np.int64]
    answers: Sequence[Sequence[int]]
    distractors: Sequence[Sequence[int]]

    def __post_init__(self) -> None:
        if self.clean.shape != self.corrupt.shape:
            raise CircuitScalingError(
                f"Clean prompts are {self.clean.shape}, corrupt ones {self.corrupt.shape}: "
                "patching goes position by position."
            )

    def __len__(self) -> int:
        return len(self.clean)

    def base(self, direction: Direction) -> NDArray[np.int64]:
        """The prompts of the run that is changed."""
        return self.corrupt if direction == "denoising" else self.clean

    def source(self, direction: Direction) -> NDArray[np.int64]:
        """The prompts of the run that heads are taken from."""
        return self.clean if direction == "denoising" else self.corrupt
