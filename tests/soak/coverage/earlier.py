"""The methods that stood here before, for comparison."""

from __future__ import annotations

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from circuit_scaling.statistics.categories import categorise
from circuit_scaling.statistics.clusters import ClusterTotals
from circuit_scaling.statistics.cross_cluster import head_products, parts_of
from circuit_scaling.vocabulary import CATEGORIES

Floats = NDArray[np.float64]


def percentile_interval(
    values: Floats, rng: np.random.Generator, draws: int = 999
) -> tuple[Floats, Floats]:
    """Expanded percentile interval of means [items] of ``values`` [items, clusters]."""
    n = values.shape[1]
    t = scipy.stats.t(n - 1).ppf(0.975)
    tail = scipy.stats.norm.cdf(-np.sqrt(n / (n - 1)) * t)
    counts = rng.multinomial(n, np.full(n, 1 / n), size=draws) / n
    low, high = np.quantile(values @ counts.T, [tail, 1 - tail], axis=1)
    return low, high


def sign_flip_p(values: Floats, rng: np.random.Generator, flips: int = 999) -> Floats:
    """Two-sided p of means [items] by turning the signs of clusters."""
    signs = np.where(rng.random((flips, values.shape[1])) < 0.5, -1.0, 1.0)
    observed = np.abs(values.sum(axis=1))
    extreme = (np.abs(values @ signs.T) >= observed[:, None] - 1e-12).sum(axis=1)
    return np.asarray((1 + extreme) / (1 + flips))


def percentile_ratio(
    part: Floats, whole: Floats, rng: np.random.Generator, draws: int = 999
) -> tuple[float, float]:
    """Expanded percentile interval of mean part over mean whole, both [clusters]."""
    n = len(part)
    t = scipy.stats.t(n - 1).ppf(0.975)
    tail = scipy.stats.norm.cdf(-np.sqrt(n / (n - 1)) * t)
    counts = rng.multinomial(n, np.full(n, 1 / n), size=draws)
    low, high = np.quantile((counts @ part) / (counts @ whole), [tail, 1 - tail])
    return float(low), float(high)


def head_interval(first: ClusterTotals, second: ClusterTotals) -> tuple[float, float]:
    """Correlations that a test over independent heads does not refuse: one interval for both."""
    x, y = parts_of(first), parts_of(second)
    n = len(x.total)
    xx, yy, xy = (head_products(*pair) / (n - 1) for pair in ((x, x), (y, y), (x, y)))
    var_x, var_y = xx.sum(), yy.sum()
    if var_x <= 0 or var_y <= 0:
        return -1.0, 1.0
    a, b = n * xy / np.sqrt(var_x * var_y), n * (xx / var_x + yy / var_y) / 2
    r = float(a.mean())
    grid = np.linspace(-1, 1, 401)
    of_head = a[:, None] - grid * b[:, None]
    variance = of_head.var(axis=0, ddof=1) / n + (r - grid) ** 2 / (n - 1)
    kept = grid[(r - grid) ** 2 <= 1.96**2 * variance]
    return (float(kept[0]), float(kept[-1])) if len(kept) else (r, r)


def permutation_p(
    x: Floats, y: Floats, layers: NDArray[np.intp], rng: np.random.Generator, draws: int
) -> float:
    """p of the sum of products itself, heads permuted within layers."""
    x, y = x.copy(), y.copy()
    partner = np.empty((draws, len(x)), dtype=np.intp)
    for layer in np.unique(layers):
        heads = np.flatnonzero(layers == layer)
        x[heads] -= x[heads].mean()
        y[heads] -= y[heads].mean()
        partner[:, heads] = rng.permuted(np.tile(heads, (draws, 1)), axis=1)
    extreme = int((np.abs((x * y[partner]).sum(axis=1)) >= abs(float(x @ y)) - 1e-12).sum())
    return (1 + extreme) / (1 + draws)


def seen_shares(
    deltas: tuple[Floats, Floats], draws: tuple[Floats, Floats], tau: float
) -> dict[str, tuple[float, float]]:
    """Shares of heads as they are seen, +- the 95 % quantile of how far draws lie from them."""
    seen, drawn = categorise(*deltas, tau), categorise(*draws, tau)
    found = {}
    for name in CATEGORIES:
        share = float(np.mean(seen == name))
        half = float(np.quantile(np.abs((drawn == name).mean(axis=1) - share), 0.95))
        found[name] = (share - half, share + half)
    return found
