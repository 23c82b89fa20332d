"""What figures show that is no finding: averages of accuracies, sets of heads, gaps of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product

import numpy as np
import pandas as pd

from circuit_scaling.vocabulary import ABLATION_MODES, CONFIGURATION

Kinds = Mapping[str, str]
_CONFIGURATION = list(CONFIGURATION)


def drops(ablation_results: pd.DataFrame) -> pd.DataFrame:
    """One row per configuration, set_type and k: accuracy, baseline_accuracy and their drop.

    Random sets are averaged. Of several kinds of ablation the first is taken; what was not measured
    is left out.
    """
    measured = ablation_results[ablation_results["accuracy"].notna()]
    modes = [mode for mode in (*ABLATION_MODES, "") if mode in set(measured["ablation"])]
    rows = measured[measured["ablation"].isin(modes[:1])].rename(columns={"n_heads": "k"})
    keys = [*_CONFIGURATION, "set_type", "k"]
    found = rows.groupby(keys, sort=False)[["accuracy", "baseline_accuracy"]].mean().reset_index()
    return found.assign(drop=found["baseline_accuracy"] - found["accuracy"])


def averaged(configurations: pd.DataFrame, keys: Sequence[str], measure: str) -> pd.DataFrame:
    """Over configurations: ``value`` (mean), ``sd`` (ddof 0), ``n`` and the mean baseline."""
    grouped = configurations.groupby(list(keys), sort=False)
    means = pd.DataFrame(
        {
            "value": grouped[measure].mean(),
            "sd": grouped[measure].std(ddof=0),
            "n": grouped[measure].count(),
            "baseline_accuracy": grouped["baseline_accuracy"].mean(),
        }
    )
    return means.reset_index()


def largest_k(rows: pd.DataFrame) -> pd.DataFrame:
    """Those with the most masked heads."""
    largest: pd.DataFrame = rows[rows["k"] == rows["k"].max()]
    return largest


def ranked(head_rankings: pd.DataFrame) -> pd.DataFrame:
    """The rows of configurations that were measured.

    A ranking of no samples, such as that of Wu24 where the model answers nothing, is only the order
    of the heads.
    """
    empty = (head_rankings["n_samples"] == 0).fillna(False) & head_rankings["score"].isna()
    return head_rankings[~empty]


def n_heads(head_rankings: pd.DataFrame) -> pd.Series:
    """Of each model: by its shape, else what its rankings list, if that is a whole grid of heads.

    Otherwise the model is taken to go on to the last layer and head of the table, as in the
    findings.
    """
    by_model = head_rankings.groupby("model")
    told = by_model[["n_layers", "n_heads"]].first().prod(axis=1, skipna=False)
    grid = (by_model[["layer", "head"]].max() + 1).prod(axis=1)
    listed = head_rankings.drop_duplicates(["model", "layer", "head"]).groupby("model").size()
    in_table = (head_rankings[["layer", "head"]].max() + 1).prod()
    return told.fillna(grid.where(listed == grid, in_table)).astype(float)


def found_heads(head_rankings: pd.DataFrame, top: int) -> pd.DataFrame:
    """Of each configuration the best ``top`` heads that it lists, with their name as ``name``."""
    rows = head_rankings[head_rankings["rank"] <= top]
    names = "L" + rows["layer"].astype(str) + "H" + rows["head"].astype(str)
    return rows[[*_CONFIGURATION, "layer", "head", "rank"]].assign(name=names)


def unions(head_rankings: pd.DataFrame, top: int) -> pd.DataFrame:
    """Of each method: ``total`` heads found anywhere, ``unique`` to it, ``shared`` by all."""
    found = found_heads(head_rankings, top)
    sets = {str(method): set(rows["name"]) for method, rows in found.groupby("method", sort=False)}
    shared = set.intersection(*sets.values()) if sets else set()
    return pd.DataFrame(
        [
            {
                "method": method,
                "total": len(heads),
                "unique": len(heads - set().union(*(h for m, h in sets.items() if m != method))),
                "shared": len(shared),
            }
            for method, heads in sets.items()
        ],
        columns=["method", "total", "unique", "shared"],
    )


def shared_between_pairs(head_rankings: pd.DataFrame, top: int) -> pd.DataFrame:
    """Of each two methods, model and question: heads found by ``both``, ``first``, ``second`` only.

    A method's heads of a question are the ``top`` with the best mean rank over lengths, where a
    rank outside the ``top`` counts as twice that (the study's 50 and 100). ``expected`` is how many
    two random sets of these sizes would share.
    """
    best = _best_over_lengths(head_rankings, top)
    counts = n_heads(head_rankings)
    methods, models, questions = (head_rankings[name].unique() for name in _CONFIGURATION[:3])
    sets = best.groupby(_CONFIGURATION[:3])["name"].agg(set).to_dict()
    rows = []
    for model, question in product(models, questions):
        for first, second in combinations(methods, 2):
            a, b = (sets.get((method, model, question)) for method in (first, second))
            if a is None or b is None:
                continue
            rows.append(
                {
                    "method": first,
                    "other": second,
                    "model": model,
                    "question": question,
                    "both": len(a & b),
                    "first": len(a - b),
                    "second": len(b - a),
                    "expected": len(a) * len(b) / counts[model],
                }
            )
    columns = ["method", "other", "model", "question", "both", "first", "second", "expected"]
    return pd.DataFrame(rows, columns=columns)


def _best_over_lengths(head_rankings: pd.DataFrame, top: int) -> pd.DataFrame:
    found = found_heads(head_rankings, top)
    keys = _CONFIGURATION[:3]
    lengths = head_rankings.groupby(keys)["token_length"].nunique().rename("lengths").reset_index()
    of_head = found.groupby([*keys, "layer", "head", "name"], sort=False)["rank"]
    rows = of_head.agg(["sum", "count"]).reset_index().merge(lengths, on=keys)
    absent = 2 * top * (rows["lengths"] - rows["count"])
    rows = rows.assign(rank=(rows["sum"] + absent) / rows["lengths"])
    rows = rows.sort_values(["rank", "layer", "head"], kind="stable")
    return rows.groupby(keys, sort=False).head(top)


def kind_overlaps(head_rankings: pd.DataFrame, top: int, kinds: Kinds) -> pd.DataFrame:
    """Jaccard overlaps of the heads that one method finds for questions of one kind, or of both.

    A question's heads are the union over models and lengths; a row is the mean over pairs of
    questions and methods, with its ``sd`` over methods (the study's bars).
    """
    found = found_heads(head_rankings, top)
    rows = []
    for _, of_method in found[found["question"].isin(list(kinds))].groupby("method", sort=False):
        sets = {q: set(of_question["name"]) for q, of_question in of_method.groupby("question")}
        pairs: dict[str, list[float]] = {}
        for a, b in combinations(sets, 2):
            same = kinds[str(a)] == kinds[str(b)]
            kind = f"within_{kinds[str(a)]}" if same else "between"
            pairs.setdefault(kind, []).append(len(sets[a] & sets[b]) / len(sets[a] | sets[b]))
        rows += [{"kind": kind, "value": np.mean(values)} for kind, values in pairs.items()]
    by_kind = pd.DataFrame(rows, columns=["kind", "value"]).groupby("kind", sort=False)["value"]
    means = pd.DataFrame({"value": by_kind.mean(), "sd": by_kind.std(ddof=0), "n": by_kind.count()})
    return means.reset_index().assign(measure="mean of single methods")


def gaps(head_rankings: pd.DataFrame) -> pd.DataFrame:
    """Of each configuration by how much its best score is above the second, as a share of it."""
    scored = head_rankings[head_rankings["score"].notna()]
    best = scored.sort_values("rank", kind="stable").groupby(_CONFIGURATION, sort=False)
    rows = best.head(2)
    two = rows.groupby(_CONFIGURATION, sort=False)["score"].agg(["first", "last", "count"])
    two = two[(two["count"] == 2) & (two["first"] > 0)].reset_index()
    return two.assign(gap=1 - two["last"] / two["first"])[[*_CONFIGURATION, "gap"]]


def share_in_top(head_rankings: pd.DataFrame, top: int) -> pd.DataFrame:
    """Of each head in how many of all configurations it is in the top: ``count``, ``value``, ``n``.

    Those most often found first; equal ones in the order of layers and heads.
    """
    n = len(head_rankings.drop_duplicates(_CONFIGURATION))
    found = found_heads(head_rankings, top).groupby(["layer", "head", "name"]).size()
    rows = found.rename("count").reset_index()
    rows = rows.sort_values(["layer", "head"]).sort_values("count", ascending=False, kind="stable")
    return rows.assign(value=rows["count"] / max(n, 1), n=n).reset_index(drop=True)
