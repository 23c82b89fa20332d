"""Where units are run, and how often one is tried again: the options of ``kedro cluster``."""

from __future__ import annotations

from dataclasses import dataclass

from circuit_scaling.errors import CircuitScalingError


@dataclass(frozen=True)
class Place:
    """The workers of a scheduler, or some of this machine.

    Attributes:
        scheduler: the address of a Dask scheduler; None for workers of this machine.
        local: how many workers to start on this machine; None where there is a scheduler.
        gpu: whether to wait for workers with the resource GPU, even if there are none yet.
        retries: how often a model's stage that failed is tried again.

    Raises:
        CircuitScalingError: neither is given, or both are.
    """

    scheduler: str | None
    local: int | None
    gpu: bool
    retries: int

    def __post_init__(self) -> None:
        if (self.scheduler is None) == (self.local is None):
            raise CircuitScalingError(
                "Say where to work: --scheduler ADDRESS for the workers of a Dask cluster, or "
                "--local N for N workers on this machine."
            )

    @property
    def options(self) -> list[str]:
        """As they are given on the command line."""
        where = ["--scheduler", self.scheduler] if self.scheduler else ["--local", str(self.local)]
        return [*where, *(["--gpu"] if self.gpu else []), "--retries", str(self.retries)]
