"""Whether rankings at several lengths fall into two groups that have nothing to do with each other.

A ranking changes with the length of the text that it was read from, but it changes smoothly: the
correlation of two lengths falls with their ratio. Where it is high within each of two groups of
lengths and near none across, something else changed between the groups.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap

_Floats = npt.NDArray[np.float64]
_ROUNDING = 1e-9  # of a logarithm of lengths: a ratio of exactly FAR is not beyond it

WITHIN = 0.4
"""Every correlation within a group is at least that."""
ACROSS = 0.3
"""The mean correlation across groups is at most that, …"""
OF_EXPECTED = 0.5
"""… and at most this share of what the decay within the groups leads one to expect, …"""
GAP = 0.25
"""… and every one of them is so far below every one within."""
FAR = 4
"""Of lengths with a larger ratio it is not known what to expect, and nothing is said."""
WITHIN_OF_TWO, ACROSS_OF_TWO = 0.6, 0.1
"""With two lengths there is no decay to compare with: what stands in place of the first two."""


class Blocks(NamedTuple):
    """Two groups that fall apart.

    Attributes:
        first: which lengths are in the group of the first one, [lengths].
        within: lowest correlation within a group; of two lengths, of rankings at one length.
        across: mean correlation across, of lengths with a ratio of at most ``FAR``.
    """

    first: npt.NDArray[np.bool_]
    within: float
    across: float


def rank_correlations(values: npt.ArrayLike, n_items: int) -> _Floats:
    """Spearman correlation [rankings, rankings] over all items, whether they are listed or not.

    Args:
        values: [items, rankings], higher is better; NaN where a ranking does not list the item:
            all of these are tied behind what it lists.
        n_items: how many items there are; those beyond the rows of ``values`` are in no ranking.

    NaN for a ranking in which all items are tied.
    """
    given = np.asarray(values, dtype=np.float64)
    behind = np.where(np.isnan(given), -np.inf, given)
    unlisted = np.full((max(n_items - len(given), 0), given.shape[1]), -np.inf)
    ranks = scipy.stats.rankdata(np.concatenate([behind, unlisted]), axis=0)
    centred = ranks - ranks.mean(axis=0)
    sizes = np.linalg.norm(centred, axis=0)
    sizes[sizes == 0] = np.nan
    unit = centred / sizes
    return np.asarray(unit.T @ unit, dtype=np.float64)


def blocks(
    correlations: npt.ArrayLike, lengths: npt.ArrayLike, repeated: npt.ArrayLike
) -> Blocks | None:
    """The two groups of lengths whose rankings have nothing to do with each other; else None.

    From three lengths on they are told by the constants of this module. What the decay leads one to
    expect of two lengths with ratio x is r ** (log x / log x'), where r is the correlation within a
    group of lengths with ratio x' that decays fastest. A single length may be a group; then noise
    at that length alone looks the same, for it agrees with nothing.

    Two lengths fall apart where rankings at the same length agree and those of the two do not.

    Args:
        correlations: [lengths, lengths], complete.
        lengths: [lengths], above 0 and none twice.
        repeated: mean correlation of several rankings at the same length, [lengths]; NaN where it
            is not known. It counts where there are two lengths.
    """
    r = np.asarray(correlations, dtype=np.float64)
    log, again = np.log(np.asarray(lengths, dtype=np.float64)), np.asarray(repeated, np.float64)
    distance = np.abs(log[:, None] - log[None, :])
    if len(r) < 2:
        return None
    first = _nearest_groups(r)
    pairs, same = np.triu(np.ones(r.shape, dtype=bool), 1), first[:, None] == first[None, :]
    within, across = pairs & same, pairs & ~same
    near = across & (distance <= np.log(FAR) + _ROUNDING)
    if not near.any():
        return None
    if len(r) == 2:
        found = Blocks(first, float(again.min()), float(r[0, 1]))
        return found if found.within >= WITHIN_OF_TWO and found.across <= ACROSS_OF_TWO else None
    found = Blocks(first, float(r[within].min()), float(r[near].mean()))
    if found.within < WITHIN:
        return None
    decay = (-np.log(np.minimum(r[within], 1.0)) / distance[within]).max()
    expected = float(np.exp(-decay * distance[near]).mean())
    apart = found.across <= min(ACROSS, OF_EXPECTED * expected)
    return found if apart and r[across].max() <= found.within - GAP else None


def _nearest_groups(r: _Floats) -> npt.NDArray[np.bool_]:
    """Two groups, [lengths]: the pair with the highest correlation across is as low as can be.

    Where every correlation within is above every one across, single linkage finds the groups.
    """
    upper = np.triu_indices(len(r), 1)
    tree = scipy.cluster.hierarchy.linkage(1 - r[upper], method="single")
    label = scipy.cluster.hierarchy.fcluster(tree, 2, criterion="maxclust")
    return np.asarray(label == label[0], dtype=np.bool_)  # one group where all are the same
