"""Simulated heads whose true effects have a known correlation, measured on clusters with noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.statistics.clusters import ClusterTotals
from circuit_scaling.statistics.correlation import corrected_correlation


@dataclass(frozen=True)
class Design:
    """Heads and clusters, and how the effects are made.

    ``reliability``: share of the variance of mean effects over heads that is true. ``common``:
    share of the noise variance that is one random factor per cluster, loading on all heads.
    ``population``: of the true effects, ``normal``, ``t3`` (3 degrees of freedom, scaled to
    variance 1) or ``few`` (one head in seven has six times the standard deviation of the others).
    ``shared``: whether both tasks are measured on the same clusters, half of the noise in common.
    """

    rho: float
    heads: int
    clusters: int
    reliability: float
    common: float = 0.0
    population: str = "normal"
    shared: bool = False


def simulate(design: Design, rng: np.random.Generator) -> tuple[ClusterTotals, ClusterTotals]:
    """Both tasks' effects [heads, clusters], two prompts a cluster."""
    scale = np.ones(design.heads)
    if design.population == "t3":
        scale = 1 / np.sqrt(rng.chisquare(3, design.heads))
    elif design.population == "few":
        scale = np.where(rng.random(design.heads) < 1 / 7, 6.0, 1.0) / np.sqrt(6.0)
    first = rng.standard_normal(design.heads)
    rest = np.sqrt(1 - design.rho**2) * rng.standard_normal(design.heads)
    true = scale * np.stack([first, design.rho * first + rest])
    size = np.sqrt(design.clusters * (1 / design.reliability - 1))
    noise = size * np.stack([_noise(design, rng), _noise(design, rng)])
    if design.shared:
        noise = (noise + size * _noise(design, rng)) / np.sqrt(2)
    measured = true[:, :, None] + noise
    return tuple(  # type: ignore[return-value]
        ClusterTotals(
            tuple(f"{'' if design.shared else task}{c:03d}" for c in range(design.clusters)),
            2 * effects,
            np.full(design.clusters, 2.0),
        )
        for task, effects in zip("ab", measured, strict=True)
    )


def _noise(design: Design, rng: np.random.Generator) -> NDArray[np.float64]:
    own = rng.standard_normal((design.heads, design.clusters))
    if not design.common:
        return own
    factor = np.outer(rng.standard_normal(design.heads), rng.standard_normal(design.clusters))
    return np.sqrt(1 - design.common) * own + np.sqrt(design.common) * factor


def coverage(design: Design, repetitions: int, seed: int = 0) -> tuple[float, float]:
    """Share of intervals that hold rho among those that are defined, and share not defined."""
    rng = np.random.default_rng(seed)
    held = undefined = 0
    for _ in range(repetitions):
        found = corrected_correlation(*simulate(design, rng))
        if found.undefined:
            undefined += 1
        else:
            held += found.low <= design.rho <= found.high
    defined = repetitions - undefined
    return (held / defined if defined else float("nan")), undefined / repetitions
