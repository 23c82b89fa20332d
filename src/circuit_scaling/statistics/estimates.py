"""Estimates with what is known of their error: intervals and p that hold for skewed errors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap

_Floats = npt.NDArray[np.float64]


class Estimates(NamedTuple):
    """Estimates of items, and the moments of their errors: [items].

    Attributes:
        mean: the estimate.
        se: its standard error; 0 where everything that it was made from has one value.
        skewness: third standardised moment of its error.
        freedom: degrees of freedom of the standard error.
    """

    mean: _Floats
    se: _Floats
    skewness: _Floats
    freedom: _Floats

    def interval(self, alpha: float) -> tuple[_Floats, _Floats]:
        """Every value that is not refused at level ``alpha``: its ends, [items].

        A value is refused where Student's t refuses it *and* Hall's t does, from which the
        skewness is taken out (Hall 1992, "On the removal of skewness by transformation").
        """
        reach = scipy.special.stdtrit(self.freedom, 1 - alpha / 2)
        below = np.maximum(reach, _unskewed(reach, self.skewness))
        above = np.minimum(-reach, _unskewed(-reach, self.skewness))
        return self.mean - self.se * below, self.mean - self.se * above

    def p_values(self) -> _Floats:
        """The larger p of Student's and of Hall's test of a true value of 0; NaN without error."""
        varies = self.se > 0
        t = np.divide(self.mean, self.se, out=np.full_like(self.mean, np.nan), where=varies)
        both = np.minimum(np.abs(t), np.abs(_hall(t, self.skewness)))
        p: _Floats = 2 * scipy.special.stdtr(self.freedom, -both)
        return p


def _hall(t: _Floats, skewness: _Floats) -> _Floats:
    """Hall's transformation of (estimate - truth) / error: monotone, nearly without skewness."""
    bent: _Floats = t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6
    return bent


def _unskewed(value: _Floats, skewness: _Floats) -> _Floats:
    """The inverse of :func:`_hall`."""
    straight = np.abs(skewness) < 1e-6
    bend = np.where(straight, 1.0, skewness)
    shifted = value - skewness / 6
    root = 3 * (np.cbrt(1 + bend * shifted) - 1) / bend
    return np.where(straight, shifted, root)
