"""Whether rankings and masked sets can be what they are taken for, wherever they were measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import scipy  # its submodules load on first use, which keeps importing this module cheap
from numpy.typing import NDArray

from circuit_scaling.analysis.retrieval.comparison.checked import (
    Checked,
    asked,
    by_model,
    heads_of,
    outcome_of,
)
from circuit_scaling.analysis.retrieval.known_heads import TOP_K, published_retrieval_heads
from circuit_scaling.models.names import of_these_weights
from circuit_scaling.models.roster import Rosters, names_of_weights
from circuit_scaling.statistics.blocks import blocks, rank_correlations
from circuit_scaling.vocabulary import ALPHA, CONFIGURATION, counted

ATTENTION = "attention computed differently at some lengths"
FEW_SAMPLES = "ranks on very few samples"
NO_PREFIX = "a head set that is no prefix of the ranking"
UNKNOWN_HEADS = "overlap at chance with published heads"
MIN_SAMPLES = 10
"""Of fewer samples a mean is hardly more than noise; intervals too are given from ten on."""
FIRST = 10
"""So many of the best heads are what is concluded from a ranking first of all."""

_RANKING = list(CONFIGURATION)
_Values = NDArray[np.float64]


def plausibility(
    head_rankings: pd.DataFrame, ablation_results: pd.DataFrame, rosters: Rosters
) -> list[Checked]:
    """The outcome of every check that needs no more than the two tables; either may be empty.

    Args:
        rosters: which weights a model has, and how many heads.
    """
    return [
        *attention(head_rankings),
        *few_samples(head_rankings),
        *published_heads(head_rankings, rosters),
        *prefixes(head_rankings, ablation_results),
    ]


def attention(head_rankings: pd.DataFrame) -> list[Checked]:
    """Lengths that fall into two groups whose rankings have nothing to do with each other.

    Spearman correlations between lengths, over all heads of the model, are averaged over the
    questions of a method and model, and judged by :func:`blocks`. By scores, where a ranking has
    them, because heads without any are ranked by their place. Left out are rankings of fewer than
    ``FIRST`` heads, those known to rest on fewer than ``MIN_SAMPLES`` samples, and those without
    scores beside others that have them. Questions that the model does not answer stay in: a model
    whose attention is computed wrongly may answer none.
    """
    found, possible = [], False
    for where, rows in by_model(head_rankings):
        told = _between_lengths(rows)
        if told is None:
            continue
        possible = True
        lengths, correlations, repeated = told
        apart = blocks(correlations, lengths, repeated)
        if apart is None:
            continue
        one, other = (lengths[side] for side in (apart.first, ~apart.first))
        fewer = one if len(one) < len(other) else other
        found.append(
            Checked(
                "head_rankings",
                ATTENTION,
                where,
                int(rows["token_length"].isin(fewer).sum()),
                f"rankings at {_and(one)} tokens and at {_and(other)} correlate with "
                f"{apart.across:.2f}, within a group with at least {apart.within:.2f}",
                "attention read without rotary embedding or mask at some lengths, or noise there",
            )
        )
    return outcome_of(
        "head_rankings",
        ATTENTION,
        found,
        looked_at=possible,
        why_not="there are too few rankings: at two lengths, of two questions where these are all",
    )


def few_samples(head_rankings: pd.DataFrame) -> list[Checked]:
    """Rankings whose first heads rest on fewer than ``MIN_SAMPLES`` samples."""
    known = _answered(head_rankings).dropna(subset="n_samples")
    found = []
    for where, rows in by_model(known):
        few = rows[(rows["rank"] <= FIRST) & (rows["n_samples"] < MIN_SAMPLES)]
        if few.empty:
            continue
        rankings = few[_RANKING].drop_duplicates()
        found.append(
            Checked(
                "head_rankings",
                FEW_SAMPLES,
                where,
                len(few),
                f"in {len(rankings)} of"
                f" {counted(len(rows[_RANKING].drop_duplicates()), 'ranking')} some of "
                f"the {FIRST} best heads rest on fewer than {MIN_SAMPLES} samples, the fewest on "
                f"{few['n_samples'].min():g} ({asked(rankings)})",
                "few samples were answered, or only those count in which a head scored",
            )
        )
    return outcome_of(
        "head_rankings",
        FEW_SAMPLES,
        found,
        looked_at=len(known) > 0,
        why_not="there are no rankings whose number of samples is known",
    )


def published_heads(head_rankings: pd.DataFrame, rosters: Rosters) -> list[Checked]:
    """Rankings in which the published heads of the model stand where chance would put them.

    For each method and length, with the number of published heads among the ``TOP_K`` best,
    averaged over questions: suspect where drawing as many heads at random gives as many or more
    with p above ``ALPHA`` (hypergeometric), for each list that the model has.
    """
    found, possible = [], False
    for where, rows in by_model(_answered(head_rankings)):
        lists, n_heads = _lists_of(str(rows["model"].iloc[0]), rosters)
        if lists.empty or not n_heads:
            continue
        possible = True
        at_chance = [
            (length, told)
            for length in dict.fromkeys(rows["token_length"].tolist())
            if (told := _at_chance(rows[rows["token_length"] == length], lists, n_heads))
        ]
        if not at_chance:
            continue
        lengths = [length for length, _ in at_chance]
        told = "; ".join(
            f"{length} tokens: {words}" if length else words for length, words in at_chance[:2]
        )
        found.append(
            Checked(
                "head_rankings",
                UNKNOWN_HEADS,
                where,
                int(rows["token_length"].isin(lengths).sum()),
                told + (f"; and at {len(at_chance) - 2} more lengths" * (len(at_chance) > 2)),
                "attention read wrongly, layer and head exchanged, or another model's rankings",
            )
        )
    return outcome_of(
        "head_rankings",
        UNKNOWN_HEADS,
        found,
        looked_at=possible,
        why_not="no heads are published for these checkpoints",
    )


def prefixes(head_rankings: pd.DataFrame, ablation_results: pd.DataFrame) -> list[Checked]:
    """Sets of best heads that leave out a head ranked before one of theirs."""
    ranks = {
        key: dict(zip(heads_of(rows), rows["rank"], strict=True))
        for key, rows in head_rankings.groupby(_RANKING, sort=False)
    }
    sets = ablation_results[
        (ablation_results["set_type"] == "hero") & (ablation_results["heads"].map(len) > 0)
    ]
    keys = sets[_RANKING].itertuples(index=False, name=None)
    looked_at, places = 0, []
    for place, key, *masked in zip(sets.index, keys, sets["layers"], sets["heads"], strict=True):
        if key in ranks:
            looked_at += 1
            if not _is_prefix(zip(*masked, strict=True), ranks[key]):
                places.append(place)
    found = [
        Checked(
            "ablation_results",
            NO_PREFIX,
            where,
            len(rows),
            f"not the first of their ranking: {counted(len(rows), 'set')} of best heads"
            f" ({asked(rows)})",
            "heads were masked by another ranking than this one",
        )
        for where, rows in by_model(sets.loc[places])
    ]
    return outcome_of(
        "ablation_results",
        NO_PREFIX,
        found,
        looked_at=looked_at > 0,
        why_not="it is not known which heads were masked, or by which ranking",
    )


def _between_lengths(rows: pd.DataFrame) -> tuple[_Values, _Values, _Values] | None:
    """Lengths, their correlations [lengths, lengths], and how rankings at each repeat themselves.

    None where there is nothing to compare: one length; two without several questions.
    """
    by_ranking = rows.groupby(_RANKING)
    scored, listed = by_ranking["score"].transform("count"), by_ranking["rank"].transform("size")
    values = rows["score"].where(scored == listed, -rows["rank"])
    some_scores = bool((scored > 0).any())
    few = by_ranking["n_samples"].transform("max") < MIN_SAMPLES
    kept = (listed >= FIRST) & ~few & ((scored > 0) if some_scores else True)
    wide = rows.assign(value=values)[kept].pivot(
        index=["layer", "head"], columns=["question", "token_length"], values="value"
    )
    asked_at, of_length = (wide.columns.get_level_values(at).to_numpy() for at in (0, 1))
    lengths = np.unique(of_length).astype(float)
    if len(lengths) < 2 or lengths[0] <= 0:
        return None
    r = rank_correlations(wide.to_numpy(float), _n_heads(rows))
    same = asked_at[:, None] == asked_at[None, :]

    def mean(one: float, other: float, pairs: NDArray[np.bool_]) -> float:
        at = np.ix_(of_length == one, of_length == other)
        known = r[at][pairs[at] & np.isfinite(r[at])]
        return float(known.mean()) if known.size else float("nan")

    correlations = np.array([[mean(a, b, same) for b in lengths] for a in lengths])
    repeated = np.array([mean(at, at, ~same) for at in lengths])
    enough = len(lengths) > 2 or np.isfinite(repeated).all()
    if not enough or not np.isfinite(correlations).all():
        return None
    return lengths, correlations, repeated


def _n_heads(rows: pd.DataFrame) -> int:
    """Of the model: by its shape; else up to the last layer and head that it lists."""
    shape = rows[["n_layers", "n_heads"]].to_numpy(float)[0]
    listed = rows[["layer", "head"]].to_numpy(np.int64).max(axis=0) + 1
    return int((listed if np.isnan(shape).any() else shape).prod())


def _lists_of(model: str, rosters: Rosters) -> tuple[pd.DataFrame, int]:
    """The published heads of a model's checkpoint, and how many heads it has."""
    published = published_retrieval_heads()
    entry = rosters.find(model)
    if entry is None:
        return published.iloc[:0], 0
    names = names_of_weights(entry, entry.slug)
    same = of_these_weights(names, list(published["checkpoint"].unique()))
    return published[published["checkpoint"].isin(same)], entry.n_layers * entry.n_heads


def _at_chance(rows: pd.DataFrame, lists: pd.DataFrame, n_heads: int) -> str:
    """How many published heads are among the best, where that is chance for every list."""
    best = rows[rows["rank"] <= TOP_K]
    n_rankings = len(rows[_RANKING].drop_duplicates())
    k = round(len(best) / n_rankings)
    told = []
    for name, of_list in lists.groupby("list", sort=False):
        heads = set(heads_of(of_list))
        hits = sum(head in heads for head in heads_of(best)) / n_rankings
        p = scipy.stats.hypergeom.sf(np.ceil(hits) - 1, n_heads, len(heads), k)
        if p <= ALPHA:
            return ""
        chance = k * len(heads) / n_heads
        told.append(
            f"{hits:.1f} of the {len(heads)} heads of {name} are among the {k} best, by chance "
            f"{chance:.1f}"
        )
    return ", ".join(told)


def _is_prefix(heads: Iterable[tuple[int, int]], ranks: Mapping[str, int]) -> bool:
    """Whether no head of the ranking that the set leaves out comes before one that it has."""
    masked = {f"L{int(layer)}H{int(head)}" for layer, head in heads}
    if not masked <= ranks.keys():
        return False
    last = max(ranks[head] for head in masked)
    return all(rank >= last for head, rank in ranks.items() if head not in masked)


def _answered(head_rankings: pd.DataFrame) -> pd.DataFrame:
    """Without the questions that the model is known not to answer."""
    return head_rankings[head_rankings["answered"].fillna(True).astype(bool)]


def _and(lengths: _Values) -> str:
    return ", ".join(f"{length:g}" for length in lengths)
