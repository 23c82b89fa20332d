"""Simulated heads whose true effects have a known correlation, measured on clusters with noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.statistics.clusters import ClusterTotals
from circuit_scaling.statistics.correlation import corrected_correlation

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """Heads and clusters, and how the effects are made.

    ``rho``: correlation in the population of heads. ``reliability``: share of the variance of mean
    effects over heads that is true. ``common``: share of the noise variance that is one random
    factor per cluster, loading on all heads. ``gain``: standard deviation of a factor per cluster
    that multiplies all true effects, so that noise is proportional to them. ``population``: of the
    true effects, ``normal``, ``t3`` (3 degrees of freedom, scaled to variance 1) or ``few`` (one
    head in seven has six times the standard deviation of the others). ``layers``: of equal size;
    ``alike``: share of the variance of true effects that a layer's heads have in common.
    ``shared``: whether both tasks are measured on the same clusters, half of the noise in common.
    """

    rho: float
    heads: int
    clusters: int
    reliability: float
    common: float = 0.0
    gain: float = 0.0
    population: str = "normal"
    layers: int = 6
    alike: float = 0.0
    shared: bool = False


class Simulated(NamedTuple):
    """Both tasks' effects [heads, clusters], two prompts a cluster, and what is true of them."""

    first: ClusterTotals
    second: ClusterTotals
    layers: NDArray[np.intp]
    of_these_heads: float


class Coverage(NamedTuple):
    """Shares of the intervals that hold the truth, where it is defined, and share not defined."""

    these_heads: float
    sample: float
    undefined: float


def simulate(design: Design, rng: np.random.Generator) -> Simulated:
    """Heads of a model drawn from the population, and effects measured on clusters."""
    layers = np.arange(design.heads) * design.layers // design.heads
    true = np.sqrt(1 - design.alike) * _scales(design, rng) * _pairs(design, design.heads, rng)
    true += np.sqrt(design.alike) * _pairs(design, design.layers, rng)[:, layers]
    size = np.sqrt(design.clusters * (1 / design.reliability - 1))
    noise = size * np.stack([_noise(design, rng), _noise(design, rng)])
    gain = 1 + design.gain * rng.standard_normal((2, 1, design.clusters))
    if design.shared:
        noise = (noise + size * _noise(design, rng)) / np.sqrt(2)
        gain = gain[:1]
    measured = true[:, :, None] * gain + noise
    first, second = (
        ClusterTotals(
            tuple(f"{'' if design.shared else task}{c:03d}" for c in range(design.clusters)),
            2 * effects,
            np.full(design.clusters, 2.0),
        )
        for task, effects in zip("ab", measured, strict=True)
    )
    return Simulated(first, second, layers, float(np.corrcoef(true)[0, 1]))


def _scales(design: Design, rng: np.random.Generator) -> Floats:
    if design.population == "t3":
        return 1 / np.sqrt(rng.chisquare(3, design.heads))
    if design.population == "few":
        return np.where(rng.random(design.heads) < 1 / 7, 6.0, 1.0) / np.sqrt(6.0)
    return np.ones(design.heads)


def _pairs(design: Design, n: int, rng: np.random.Generator) -> Floats:
    """Standard normal values of both tasks with the design's correlation: [2, n]."""
    first = rng.standard_normal(n)
    rest = np.sqrt(1 - design.rho**2) * rng.standard_normal(n)
    return np.stack([first, design.rho * first + rest])


def _noise(design: Design, rng: np.random.Generator) -> Floats:
    own = rng.standard_normal((design.heads, design.clusters))
    if not design.common:
        return own
    factor = np.outer(rng.standard_normal(design.heads), rng.standard_normal(design.clusters))
    return np.sqrt(1 - design.common) * own + np.sqrt(design.common) * factor


def coverage(design: Design, repetitions: int, seed: int = 0) -> Coverage:
    """How often both intervals hold what they are for."""
    rng = np.random.default_rng(seed)
    these, sample, undefined = [], [], 0
    for _ in range(repetitions):
        drawn = simulate(design, rng)
        found = corrected_correlation(drawn.first, drawn.second, drawn.layers)
        if found.undefined:
            undefined += 1
            continue
        these.append(found.low <= drawn.of_these_heads <= found.high)
        sample.append(found.sample_low <= design.rho <= found.sample_high)
    nothing = float("nan")
    return Coverage(
        float(np.mean(these)) if these else nothing,
        float(np.mean(sample)) if sample else nothing,
        undefined / repetitions,
    )
