"""When an effect is told from tau for good, over all looks at a growing sample of prompts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from circuit_scaling.statistics.categories import straddles
from circuit_scaling.statistics.clusters import CONFIDENCE
from circuit_scaling.statistics.estimates import Estimates
from circuit_scaling.statistics.looks import nominal_level, overall_p

_Floats = npt.NDArray[np.float64]

WORTHWHILE = 1.1
"""An effect is measured further where all further prompts would narrow its interval by this factor
at least: those that stop earlier were hardly ever settled by the rest."""


@dataclass(frozen=True)
class Looks:
    """The looks that are planned, and what they promise together.

    Attributes:
        sizes: prompts at each look, growing.
        tau: what effects are told from, on both sides of 0.
        error: an effect is settled on the wrong side with at most this probability.
    """

    sizes: tuple[int, ...]
    tau: float
    error: float

    def settled(self, estimates: Estimates) -> npt.NDArray[np.bool_]:
        """Whether effects lie on one side of tau, and of -tau, at one of the looks: [items]."""
        ends = estimates.interval(nominal_level(self.error, self.sizes))
        return ~straddles(*ends, self.tau)

    def worthwhile(
        self, estimates: Estimates, of_measured: _Floats, look: int
    ) -> npt.NDArray[np.bool_]:
        """Whether the prompts after a look (from 0) would narrow the intervals enough: [items].

        Args:
            of_measured: the part of the variance that falls with the number of prompts measured.
        """
        rest = np.square(estimates.se) - of_measured
        at_end = np.sqrt(rest + of_measured * self.sizes[look] / self.sizes[-1])
        wide: npt.NDArray[np.bool_] = estimates.se >= WORTHWHILE * at_end
        return wide & (look < len(self.sizes) - 1)

    def interval(self, estimates: Estimates) -> tuple[_Floats, _Floats]:
        """Ends of 95 % intervals that hold at all looks together: [items]."""
        return estimates.interval(nominal_level(1 - CONFIDENCE, self.sizes))

    def p_values(self, smallest: _Floats) -> _Floats:
        """p of an effect of 0 from the smallest p of each item over the looks: [items]."""
        return np.array([overall_p(p, self.sizes) for p in smallest])
