"""Means over clusters: names dealt anew or once, skewed effects, real effects, discoveries."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.statistics.means import cluster_means
from circuit_scaling.statistics.significance import q_values
from tests.helpers.simulated_effects import POPULATIONS, drawn, totals_of
from tests.soak.coverage import earlier
from tests.soak.coverage.real_effects import clusters, embedded, recentred
from tests.soak.coverage.section import COVERAGE, SIZE, Section, percent

Floats = NDArray[np.float64]
SIZES = (10, 20, 40, 100)
_HELD = {"before: interval": COVERAGE, "interval": COVERAGE}
_BOTH = _HELD | {"before: test": SIZE, "test": SIZE}


def names() -> Section:
    """Blocks whose effects hold what their two names add: pairs dealt anew, or once."""
    rng = np.random.default_rng(0)
    rows = []
    for n_names in (96, 424):
        for n_blocks in (20, 100, 480):
            for share in (0.1, 0.34):
                anew, once = [], []
                for _ in range(1500):
                    of_name = np.sqrt(share / 2) * rng.standard_normal(n_names)
                    rest = np.sqrt(1 - share) * rng.standard_normal(n_blocks)
                    pairs = _dealt(n_names, n_blocks, rng)
                    anew.append((of_name[pairs].sum(axis=1) + rest, pairs))
                    dealt = rng.permutation(n_names).reshape(-1, 2)
                    fixed = dealt[np.arange(n_blocks) % len(dealt)]
                    once.append((of_name[fixed].sum(axis=1) + rest, fixed))
                dyads = [_dyadic(values, pairs, n_names) for values, pairs in anew]
                rows.append(
                    [
                        n_names,
                        n_blocks,
                        f"{100 * share:.0f} %",
                        percent([_holds(*_by_pair(*case)) for case in anew]),
                        percent(dyads),
                        percent([_holds(*_by_pair(*case)) for case in once]),
                    ]
                )
    return Section(
        "Names that recur",
        "Coverage of the interval of a mean effect, in %, of 1500 repetitions: a true 95 % is"
        " measured as 93.9 to 96.1 in 19 of 20 cells. The effect of a block of prompts is what its"
        " two names add, with the given share of the variance, and noise. *Dealt anew*: five data"
        " seeds each deal all names into pairs, and pairs are taken as independent (as it was)."
        " *Dyadic*: the same with a variance that counts pairs which share a name (Aronow, Samii"
        " and Assenova 2015), and a normal interval. *Dealt once* is what the project does: a name"
        " is in one pair, whatever the data seed, and the pair is the cluster.",
        ("names", "blocks", "names' share", "dealt anew", "dealt anew, dyadic", "dealt once"),
        rows,
        dict.fromkeys(("dealt anew", "dealt anew, dyadic", "dealt once"), COVERAGE),
    )


def _dealt(n_names: int, n_blocks: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Pairs of names for the blocks, dealt anew in each of five data seeds: [blocks, 2]."""
    n_pairs = n_names // 2
    pairs = []
    for seed in range(5):
        of_seed = len(range(seed, n_blocks, 5))
        order = rng.permutation(n_names)[: 2 * n_pairs].reshape(-1, 2)
        pairs.append(order[np.arange(of_seed) % n_pairs])
    return np.concatenate(pairs)


def _by_pair(values: Floats, pairs: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Sums and sizes of the clusters that equal pairs of names make."""
    _, place = np.unique(np.sort(pairs, axis=1), axis=0, return_inverse=True)
    return np.bincount(place.ravel(), values), np.bincount(place.ravel()).astype(float)


def _holds(sums: Floats, sizes: Floats) -> bool:
    """Whether the interval holds 0."""
    totals = totals_of(sums[None])
    totals = type(totals)(totals.labels, totals.sums, sizes)
    found = cluster_means(totals)
    return bool(found.low[0] <= 0 <= found.high[0])


def _dyadic(values: Floats, pairs: NDArray[np.intp], n_names: int) -> bool:
    """Whether mean +- 1.96 dyadic-robust standard errors holds 0."""
    deviation = values - values.mean()
    by_name = np.bincount(pairs[:, 0], deviation, n_names)
    by_name = by_name + np.bincount(pairs[:, 1], deviation, n_names)
    _, place = np.unique(np.sort(pairs, axis=1), axis=0, return_inverse=True)
    # Blocks of the same pair share both names and are counted twice.
    same = np.square(np.bincount(place.ravel(), deviation)).sum()
    variance = max(0.0, float(np.square(by_name).sum() - same)) / len(values) ** 2
    return bool(abs(values.mean()) <= 1.96 * np.sqrt(variance))


def skewed() -> Section:
    """Coverage and size for effects of every shape."""
    rng = np.random.default_rng(1)
    rows = []
    for name in POPULATIONS:
        for n in SIZES:
            totals = drawn(name, rng, 4000, n)
            found = cluster_means(totals)
            low, high = earlier.percentile_interval(totals.sums, rng)
            rows.append(
                [
                    name,
                    n,
                    percent((low <= 0) & (high >= 0)),
                    percent((found.low <= 0) & (found.high >= 0)),
                    percent(earlier.sign_flip_p(totals.sums, rng) < 0.05),
                    percent(found.p < 0.05),
                ]
            )
    return Section(
        "Skewed effects",
        "Coverage of the interval of a mean and size of the test of a mean of 0 at 5 %, in %, of"
        " 4000 repetitions: 95 % is measured as 94.3 to 95.7, and 5 % as 4.3 to 5.7, in 19 of 20"
        " cells. *Before*: expanded percentile interval of a bootstrap, and sign flips.",
        ("effects", "clusters", "before: interval", "interval", "before: test", "test"),
        rows,
        _BOTH,
    )


def real() -> Section:
    """Coverage over heads of the embedded models, their effects being drawn again."""
    rng = np.random.default_rng(2)
    rows = []
    for blocks in embedded():
        for task, effects in blocks.effects.items():
            for n in (10, 20, 46):
                held, before = [], []
                for sample in clusters(recentred(effects), n, 400, rng):
                    found = cluster_means(totals_of(sample))
                    held.append((found.low <= 0) & (found.high >= 0))
                    low, high = earlier.percentile_interval(sample, rng, 199)
                    before.append((low <= 0) & (high >= 0))
                of_head = 100 * np.mean(held, axis=0)
                rows.append(
                    [
                        blocks.model,
                        task,
                        n,
                        percent(np.ravel(before)),
                        percent(np.ravel(held)),
                        float(np.quantile(of_head, 0.05)),
                        float(of_head.min()),
                    ]
                )
    return Section(
        "Real effects",
        "Coverage of the interval of a mean effect, in %, over all heads of a model; then that of"
        " the head at the lower 5 % and of the worst head. Clusters are drawn, with replacement,"
        " from the effects on about 200 to 400 blocks of prompts, 400 times; the truth is their"
        " mean. A head's own 95 % is measured as 92.9 to 97.1 in 19 of 20 heads.",
        (
            *("model", "task", "clusters", "before: interval", "interval"),
            *("5 % of heads below", "worst head"),
        ),
        rows,
        _HELD,
    )


def discoveries() -> Section:
    """Models in which no head has an effect: how often is one found all the same?"""
    rng = np.random.default_rng(3)
    rows = []
    for blocks in embedded():
        null = {task: recentred(effects) for task, effects in blocks.effects.items()}
        for n in (10, 20, 46):
            found, before = [], []
            again = [clusters(effects, n, 400, rng) for effects in null.values()]
            for samples in zip(*again, strict=True):
                p = np.concatenate([cluster_means(totals_of(sample)).p for sample in samples])
                found.append((q_values(p) < 0.05).any())
                if len(before) < 60:  # ten thousand flips take their time
                    flips = [earlier.sign_flip_p(sample, rng, 9999) for sample in samples]
                    before.append((q_values(np.concatenate(flips)) < 0.05).any())
            rows.append([blocks.model, n, percent(before), percent(found)])
    return Section(
        "Discoveries where there is nothing",
        "How often, in %, any head of a model has q < 0.05 on IOI or anti-repetition, where no head"
        " has an effect: the effects of the embedded models, moved to a mean of 0, drawn again with"
        " their skewness, tails and correlation over heads. 400 repetitions: 5 % is measured as 2.9"
        " to 7.1 in 19 of 20 cells. *Before*: sign flips, 9,999 of them, in 60 repetitions.",
        ("model", "clusters", "before", "any discovery"),
        rows,
        {"before": SIZE, "any discovery": SIZE},
    )
