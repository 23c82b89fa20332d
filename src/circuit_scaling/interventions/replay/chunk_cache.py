"""Where the measured chunk of each model and device is kept between runs."""

from __future__ import annotations

from dataclasses import dataclass

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.device import computing_on
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
        within = "" if cap is None else f" within {cap} tokens"
        return cls(computing_on(anatomy) + within)

    def load(self) -> int | None:
        """What was measured before; None if nothing was, or the file is not readable."""
        value = _CHUNKS.load(self.key)
        return value if isinstance(value, int) and value > 0 else None

    def store(self, value: int) -> None:
        """Keep ``value``."""
        _CHUNKS.store(self.key, value)
