"""What replaces the z of heads, and where."""

from __future__ import annotations

from dataclasses import dataclass

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.vocabulary import ABLATION_MODES, POSITIONS, AblationMode, Positions


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
