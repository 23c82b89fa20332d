"""Heads whose roles are published, looked up among the heads of this study."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from circuit_scaling.models.names import of_these_weights
from circuit_scaling.models.roster import Roster, Rosters, names_of_model
from circuit_scaling.tables.classify import KNOWN_HEADS

_FILE = Path(__file__).with_name("known_heads.csv")
_HEAD = ["layer", "head"]


@cache
def published_heads() -> pd.DataFrame:
    """``known_heads.csv``: a row per head and role, with its source.

    ``checkpoint`` is the hub id of the weights in which the role was found. ``expected_sign`` is
    that of Δ_ioi under zero ablation at all positions: -1 where the head helps, 1 where it works
    against the answer; missing where ablating the head alone predicts no sign (backup name movers)
    or two sources predict opposite ones. ``published_score`` is the direct effect on the answer's
    logit, positive where the head suppresses it, as far as it was printed.
    """
    return pd.read_csv(_FILE, dtype={"expected_sign": float, "published_score": float})


def known_heads(
    heads: pd.DataFrame,
    effects: pd.DataFrame,
    models: Roster,
    rosters: Rosters,
) -> pd.DataFrame:
    """What ablating each published head does to the IOI contrast, against what is expected.

    A verdict needs the 95 % interval of the effect to lie on one side of 0; ``sign_as_expected`` is
    the bare sign, which a table without effects by prompt has too. ``rank`` is by |Δ_ioi|
    among the model's heads, from 1; equal values share the better rank.

    Args:
        heads: ``classified_heads``.
        effects: ``joint_effects``; models without cluster effects get no interval.
        models: the roster of the run; where a model is not in it, ``rosters`` are asked.
        rosters: every roster; their hub ids and aliases say which weights a model has.

    Returns:
        ``known_heads``, empty where no model has published heads.
    """
    published = published_heads()
    tables = [KNOWN_HEADS.empty()]
    for model, rows in heads.groupby("model", sort=False):
        names = names_of_model(str(model), [models], rosters)
        same = of_these_weights(names, list(published["checkpoint"].unique()))
        known = published[published["checkpoint"].isin(same)]
        if len(known):
            tables.append(_of_model(rows, effects[effects["model"] == model], known))
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _of_model(rows: pd.DataFrame, effects: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    ends = {"low_ioi": "low", "high_ioi": "high"}
    measured = rows[[*_HEAD, "delta_ioi", "se_ioi", "q_ioi"]].reset_index(drop=True)
    measured["rank"] = measured["delta_ioi"].abs().rank(ascending=False, method="min")
    measured["low"] = measured["high"] = np.nan
    if len(effects):
        measured[[*ends.values()]] = rows[[*ends]].to_numpy()
    measured = measured.merge(known[_HEAD].drop_duplicates(), on=_HEAD)
    table = known.merge(measured, on=_HEAD, how="left", validate="many_to_one")
    first = rows.iloc[0]
    table["family"], table["model"] = first["family"], first["model"]
    table["n_heads_measured"] = len(rows)
    right = np.sign(table["delta_ioi"]) == table["expected_sign"]
    judged = table["expected_sign"].notna() & table["delta_ioi"].notna() & (table["delta_ioi"] != 0)
    table["sign_as_expected"] = right.astype("boolean").where(judged)
    table["verdict"] = np.select(
        [
            (table["layer"] >= first["n_layers"]) | (table["head"] >= first["n_heads"]),
            table["delta_ioi"].isna(),
            table["expected_sign"].isna(),
            ~((table["low"] > 0) | (table["high"] < 0)),
            right,
        ],
        ["outside the shape", "not measured", "no expectation", "not resolved", "as expected"],
        "against expectation",
    )
    return table[list(KNOWN_HEADS.columns)]
