"""Are the heroes of one category alike, within a family of models and across families?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.statistics.significance import q_values
from circuit_scaling.statistics.similarity import cosines, group_similarity
from circuit_scaling.tables.causal import GROUPS, HERO_SIMILARITY, ROLES
from circuit_scaling.tables.columns import PROFILE_COLUMNS
from circuit_scaling.vocabulary import ALL_FAMILIES, STUDY_TASKS

LATE = 0.5
"""Relative depth, (layer + 1/2) / layers, above which a head is late."""

_KEYS = ["family", "model", "layer", "head"]


def hero_similarity(
    head_reads: pd.DataFrame,
    classified_heads: pd.DataFrame,
    n_permutations: int,
    seed: int,
) -> pd.DataFrame:
    """Mean cosine between the profiles of heroes of a group, over pairs of different models.

    A profile holds the task-free scores and, for each task, the attention from the last position to
    every role, each standardised over the heads of its model. Models that are known not to be
    competent on one of the tasks are left out: what their heads are called on it means nothing. A
    row for each group, over pairs of models of one family (``within families``), of different
    families (``across families``), and for every two families and each family alone. Under the null
    every hero is replaced by a random head of the same model and layer, heroes among them.

    Args:
        head_reads: of all models, every head of each.
    """
    heads = _profiles(head_reads, classified_heads)
    if heads.empty:
        return HERO_SIMILARITY.empty()
    features = heads.columns.difference([*_KEYS, "n_layers", "category", "hero"])
    bands = heads.groupby(["model", "layer"]).ngroup().to_numpy()
    similar = cosines(heads[features].to_numpy(dtype=np.float64), heads["model"].to_numpy(str))
    rows = []
    for group in GROUPS:
        chosen = np.flatnonzero(_in_group(heads, group))
        if not len(chosen):
            continue
        for scope, family_a, family_b, counted in _comparisons(heads.iloc[chosen]):
            used = counted.any(axis=0) | counted.any(axis=1)
            found = group_similarity(
                similar,
                chosen[used],
                bands,
                counted[np.ix_(used, used)],
                np.random.default_rng(seed),
                n_permutations,
            )
            rows.append(
                {
                    "group": group,
                    "scope": scope,
                    "family_a": family_a,
                    "family_b": family_b,
                    "n_heroes": int(used.sum()),
                    "n_pairs": found.n_pairs,
                    "similarity": found.value,
                    "expected": found.expected,
                    "null_low": found.null_low,
                    "null_high": found.null_high,
                    "p": found.p,
                }
            )
    if not rows:
        return HERO_SIMILARITY.empty()
    table = pd.DataFrame(rows)
    return table.assign(q=q_values(table["p"].to_numpy(dtype=np.float64)))


def _profiles(head_reads: pd.DataFrame, classified_heads: pd.DataFrame) -> pd.DataFrame:
    """A row per head of the competent models: task-free scores and the reads of both tasks."""
    competent = classified_heads[[f"competent_{task}" for task in STUDY_TASKS]]
    able = competent.fillna(True).all(axis=1)
    rows = head_reads[head_reads["model"].isin(classified_heads.loc[able, "model"])]
    wide = rows.pivot(index=_KEYS, columns="task", values=list(ROLES))
    wide.columns = wide.columns.map("_".join)
    first = rows.drop_duplicates(_KEYS)[[*_KEYS, "n_layers", "category", "hero", *PROFILE_COLUMNS]]
    return first.merge(wide.reset_index(), on=_KEYS, validate="one_to_one")


def _in_group(heads: pd.DataFrame, group: str) -> NDArray[np.bool_]:
    chosen = heads["hero"] & (heads["category"] == group.removeprefix("late "))
    if group.startswith("late "):
        chosen &= (heads["layer"] + 0.5) / heads["n_layers"] > LATE
    return chosen.to_numpy(dtype=bool)


def _comparisons(
    heroes: pd.DataFrame,
) -> Iterator[tuple[str, str, str, NDArray[np.bool_]]]:
    """Scope, two families, and which pairs of ``heroes`` it counts; only those that have a pair."""
    model, family = (heroes[name].to_numpy() for name in ("model", "family"))
    apart = np.triu(model[:, None] != model[None, :], 1)
    same = family[:, None] == family[None, :]
    families = list(dict.fromkeys(family))
    found = [
        ("within families", ALL_FAMILIES, ALL_FAMILIES, apart & same),
        ("across families", ALL_FAMILIES, ALL_FAMILIES, apart & ~same),
    ]
    found += [
        ("within families", name, name, apart & same & (family == name)[:, None])
        for name in families
    ]
    for a, b in combinations(families, 2):
        crossed = (family == a)[:, None] & (family == b)[None, :]
        found.append(("two families", a, b, apart & (crossed | crossed.T)))
    return (comparison for comparison in found if comparison[3].any())
