"""Tables of head effects as somebody else would hand them over, clean or with one defect."""

from __future__ import annotations

import numpy as np
import pandas as pd

from circuit_scaling.models.roster import Rosters

SHAPES = {"gpt2": ("gpt2", 12, 12), "pythia-70m": ("pythia", 6, 8), "pythia-1b": ("pythia", 16, 8)}
STUDY = {
    "gpt2": {"family": "gpt2", "n_layers": 12, "n_heads": 12, "params_m": 124},
    "pythia_70m": {"family": "pythia", "n_layers": 6, "n_heads": 8, "params_m": 70},
    "pythia_1b": {"family": "pythia", "n_layers": 16, "n_heads": 8, "params_m": 1012},
}
ROSTERS = Rosters.model_validate(
    {
        "study": {
            slug: {**entry, "hub": slug, "aliases": [slug.replace("_", "-")]}
            for slug, entry in STUDY.items()
        }
    }
)


def clean(seed: int = 0) -> pd.DataFrame:
    """A full scan of three models: most effects small, a few worth a logit."""
    rng = np.random.default_rng(seed)
    frames = []
    for model, (family, layers, heads) in SHAPES.items():
        layer, head = np.divmod(np.arange(layers * heads), heads)
        ioi, anti = 0.02 * rng.standard_t(1.5, (2, len(layer)))
        frames.append(
            pd.DataFrame(
                {"family": family, "model": model, "layer": layer, "head": head}
                | {"delta_ioi": ioi, "delta_anti": anti}
            )
        )
    return pd.concat(frames, ignore_index=True)


def truncated(table: pd.DataFrame, longest: int = 40) -> pd.DataFrame:
    """The union of each model's two lists of strongest heads, the missing side set to 0."""
    frames = []
    for _, rows in table.groupby("model", sort=False):
        listed = [rows[c].abs().nlargest(longest).index for c in ("delta_ioi", "delta_anti")]
        both = rows.loc[listed[0].union(listed[1])].copy()
        for column, index in zip(("delta_ioi", "delta_anti"), listed, strict=True):
            both.loc[~both.index.isin(index), column] = 0.0
        frames.append(both)
    return pd.concat(frames, ignore_index=True)


def _copied(table: pd.DataFrame) -> pd.DataFrame:
    """Two models with the same 40 effects on anti-repetition; their other heads differ."""
    keys = ["layer", "head"]
    source = table[table["model"] == "pythia-1b"].set_index(keys)["delta_anti"]
    rows = table[table["model"] == "pythia-70m"].index[:40]
    same = source.loc[pd.MultiIndex.from_frame(table.loc[rows, keys])].to_numpy()
    table.loc[rows, "delta_anti"] = same
    return table


def defective(check: str) -> pd.DataFrame:
    """A table that has the defect of one check, and no other."""
    table = clean()
    first = table.index[table["model"] == "pythia-70m"]
    if check == "outside the shape":
        further = table.loc[first[:3]].assign(layer=[6, 7, 0], head=[1, 0, 8], delta_ioi=0.1)
        return pd.concat([table, further], ignore_index=True)
    if check == "duplicate heads":
        return pd.concat([table, table.loc[first[:2]].assign(delta_ioi=0.2)], ignore_index=True)
    if check == "same values in two models":
        return _copied(table)
    if check == "exact zeros":
        table.loc[first[:10], "delta_ioi"] = 0.0
    if check == "missing heads":
        table = table.drop(first[10:15]).reset_index(drop=True)
    if check == "not finite":
        table.loc[first[:2], "delta_anti"] = [np.nan, -np.inf]
    return table
