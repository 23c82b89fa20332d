"""Planted heads of a few models as evidence for measures, and the truth that a measure gives."""

from __future__ import annotations

import numpy as np
import pandas as pd

from circuit_scaling.analysis.audit.evidence import Evidence
from circuit_scaling.analysis.audit.measures import MEASURES
from circuit_scaling.analysis.audit.results import Seen, Verdicts, together

SCANNED = {"scan.primary": "zero", "classify.tau": 0.05}
IOI, ANTI, BOTH, WEAK = (-0.4, 0.0), (0.0, -0.4), (-0.3, -0.3), (0.01, 0.0)
Planted = dict[tuple[int, int], tuple[float, float]]


def model(
    name: str,
    heads: Planted,
    family: str = "gpt2",
    size: float = 100.0,
    resolved: bool = True,
    shape: tuple[int, int] = (4, 4),
    competent: bool = True,
) -> pd.DataFrame:
    """The heads of a model, those that are not planted being weak."""
    every = [(layer, head) for layer in range(shape[0]) for head in range(shape[1])]
    effects = np.array([heads.get(place, WEAK) for place in every])
    return pd.DataFrame(
        {
            "family": family,
            "model": name,
            "layer": [layer for layer, _ in every],
            "head": [head for _, head in every],
            "params_m": size,
            "n_layers": float(shape[0]),
            "n_heads": float(shape[1]),
            "delta_ioi": effects[:, 0],
            "delta_anti_names": effects[:, 1],
            "resolved": pd.array([resolved] * len(every), dtype="boolean"),
            "competent_ioi": pd.array([competent] * len(every), dtype="boolean"),
            "competent_anti_names": pd.array([True] * len(every), dtype="boolean"),
        }
    )


def evidence(*models: pd.DataFrame, scanned: bool = True, **tables: pd.DataFrame) -> Evidence:
    heads = pd.concat(models, ignore_index=True)
    heads.attrs["made_with"] = SCANNED if scanned else {}
    return Evidence({"classified_heads": heads, **tables})


def holds(name: str, of: Evidence, models: list[str] | None = None, **arguments) -> bool | None:
    """The truth of a measure about all of some models."""
    found = MEASURES[name](of, models or of.models("classified_heads"), arguments)
    if isinstance(found, Verdicts):
        found = together(found, in_general=False)
    assert isinstance(found, Seen), found
    return found.holds
