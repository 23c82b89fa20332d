"""How long work takes on this device: a measured rate, and what the engine makes of such a rate.

A block's products take operations / rate. What else it does (norms, activations, copies) goes
through memory once for each number of a token, so that beside products it weighs the less the wider
the model is: together

    seconds = start + operations / (rate x share) x (1 + w / d_model)

with w the width at which both take as long. w, the shares of the stages and their spreads are
fitted to run logs (``python -m benchmarks.plan_error`` shows how well), those of GPUs to the scans
of ``docs/benchmarks/cuda.jsonl``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from circuit_scaling.interventions.model.device import Precision
    from circuit_scaling.measuring.shared.run_log import Stage

_START = 1.0  # seconds for a model's start: it is built, and the fastest chunk is looked for
_LOADED = 1e9  # bytes of weights that are read in a second
_WIDTH: dict[str, float] = {"float32": 170.0, "tf32": 1300.0, "bf16": 1300.0}
"""w: the faster products are, the wider a model must be before they count."""
_SHARE: dict[Stage, tuple[float, float]] = {
    "scan": (0.9, 1.4),
    "causal": (0.5, 2.0),
    "ablation": (1.25, 1.4),
    "retrieval_detect": (0.8, 2.0),
    "retrieval_mask": (1.2, 1.4),
}
"""Share of the rate, and the factor either way within which it lies. A share is above 1 where the
operations are an upper bound: sets are replayed from their lowest layer on."""


@dataclass(frozen=True)
class Seconds:
    """A time that something will take, as far as it can be told."""

    expected: float
    low: float
    high: float

    def __add__(self, other: Seconds) -> Seconds:
        """Both after each other; ranges add up, because what is wrong is wrong for all."""
        return Seconds(self.expected + other.expected, self.low + other.low, self.high + other.high)


NO_TIME = Seconds(0.0, 0.0, 0.0)


def seconds_of(
    operations: int,
    stage: Stage,
    d_model: int,
    weights: int,
    rate: float,
    precision: Precision,
) -> Seconds:
    """The time that a stage takes on one model.

    Args:
        weights: bytes of the model's weights.
        rate: operations per second of the device (:func:`rate_of`).
    """
    start = _START + weights / _LOADED
    share, spread = _SHARE[stage]
    work = operations / (rate * share) * (1 + _WIDTH[precision] / d_model)
    return Seconds(start + work, start / spread + work / spread, spread * (start + work))


@cache
def rate_of(device: torch.device, d_model: int, precision: Precision) -> float:
    """Operations per second in the products of a model so wide, measured once."""
    from circuit_scaling.interventions.model.product_rate import rate_at_width

    return rate_at_width(d_model, precision, device)
