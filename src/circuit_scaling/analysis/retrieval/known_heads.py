"""Published retrieval heads, looked up among the rankings of the checkpoints they were found in."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from circuit_scaling.models.names import of_these_weights
from circuit_scaling.models.roster import Roster, names_of_weights
from circuit_scaling.tables.retrieval import KNOWN_RETRIEVAL_HEADS

_FILE = Path(__file__).with_name("known_heads.csv")
_HEAD = ["layer", "head"]
_ASKED = ["method", "question", "token_length"]
TOP_K = 50
"""A head is found where it is among so many of the best, the number for which it is known how well
published lists agree with each other."""


@cache
def published_retrieval_heads() -> pd.DataFrame:
    """``known_heads.csv``: a row per head and published list, with its source.

    ``checkpoint`` is the hub id of the weights, ``list`` whose list it is. ``published_method`` is
    how its authors found the head: ``wu24`` (argmax at the copied token), ``qrhead`` (calibrated
    attention from the question) or ``core`` (contrast of documents), which is none of ours.
    ``published_rank`` counts from 1 in the list, and ``published_score`` is missing where only
    names were printed. A score of Wu24 above 1 is as printed: repeated tokens count there.
    """
    return pd.read_csv(_FILE, dtype={"published_score": float})


def known_retrieval_heads(head_rankings: pd.DataFrame, models: Roster) -> pd.DataFrame:
    """Where each published head stands among the heads measured here, by every method.

    Args:
        head_rankings: of all models.
        models: the roster of the run; hub ids and aliases say which weights a model has.

    Returns:
        ``known_retrieval_heads``: a row per published head, method, question and token length;
        empty where no model has published heads.
    """
    published = published_retrieval_heads()
    tables = [KNOWN_RETRIEVAL_HEADS.empty()]
    for model, rows in head_rankings.groupby("model", sort=False):
        entry = models.root.get(str(model))
        names = {str(model)} if entry is None else names_of_weights(entry, str(model))
        same = of_these_weights(names, list(published["checkpoint"].unique()))
        known = published[published["checkpoint"].isin(same)]
        if len(known):
            tables.append(_of_model(rows, known))
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _of_model(rows: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    asked = rows[[*_ASKED, "answered"]].drop_duplicates(_ASKED)
    found = known.merge(asked, how="cross").merge(
        rows[[*_ASKED, *_HEAD, "score", "rank"]],
        on=[*_ASKED, *_HEAD],
        how="left",
        validate="many_to_one",
    )
    first = rows.iloc[0]
    found["family"], found["model"] = first["family"], first["model"]
    found["n_heads_measured"] = n_heads = int(first["n_layers"] * first["n_heads"])
    found["k"] = min(TOP_K, n_heads)
    found["rank"] = found["rank"].astype(float)
    scored = found["score"].notna()
    found["in_top_k"] = (found["rank"] <= found["k"]).astype("boolean").where(scored)
    found["verdict"] = np.select(
        [found["rank"].isna(), ~scored, found["in_top_k"].fillna(False).astype(bool)],
        ["outside the shape", "no score", "among the best"],
        "not among the best",
    )
    return found[list(KNOWN_RETRIEVAL_HEADS.columns)]
