"""What the engine is asked: prompts, and what replaces a head's output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.vocabulary import ABLATION_MODES, POSITIONS, AblationMode, Positions


@dataclass(frozen=True)
class Batch:
    """Prompts of one token length, with what is asked of them and their reference set.

    Attributes:
        tokens: int64 [prompts, pos]; no padding.
        answers, distractors, candidates: token ids per prompt; may be empty for controls.
        groups: int [prompts], prompts and references of one group share a template.
        reference_tokens, reference_groups: [references, pos] and [references]; needed by ``mean``
            and ``resample``.
    """

    tokens: NDArray[np.int64]
    answers: Sequence[Sequence[int]]
    distractors: Sequence[Sequence[int]]
    candidates: Sequence[Sequence[int]]
    groups: NDArray[np.int64]
    reference_tokens: NDArray[np.int64] | None = None
    reference_groups: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Ablation:
    """What replaces a head's z, and where.

    ``zero``; ``mean`` over the references of the prompt's group, position by position; or
    ``resample``: the z of one reference of the group, never one with the prompt's own tokens,
    with the effect averaged over ``draws``. At ``all`` positions or only at the ``end``.

    Raises:
        CircuitScalingError: an unknown mode, unknown positions, or no draws.
    """

    mode: AblationMode
    positions: Positions = "all"
    draws: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in ABLATION_MODES:
            raise CircuitScalingError(
                f"Unknown ablation '{self.mode}'. There are: {', '.join(ABLATION_MODES)}."
            )
        if self.positions not in POSITIONS:
            raise CircuitScalingError(
                f"Unknown ablation positions '{self.positions}'. There are: {', '.join(POSITIONS)}."
            )
        if self.draws < 1:
            raise CircuitScalingError(f"An ablation needs at least 1 draw, not {self.draws}.")

    @property
    def runs(self) -> int:
        """Ablated runs that one effect is the mean of."""
        return self.draws if self.mode == "resample" else 1
