"""The made-up models: the roster of the embedded ones, and what they were trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, wraps
from typing import TypeVar

import pandas as pd

from circuit_scaling.models.roster import Roster

TAU = 0.05
Made = TypeVar("Made")
TASKS = ("ioi", "anti_names", "anti_lists", "induction")
ABLATIONS = [(mode, where) for where in ("all", "end") for mode in ("zero", "mean", "resample")]


@dataclass(frozen=True)
class Model:
    """One roster entry and which of the two name tasks it was trained on."""

    slug: str
    family: str
    params_m: float
    layers: int
    heads: int
    ioi: bool = True
    anti: bool = True


MODELS = (
    Model("mini_gpt2_s", "mini_gpt2", 0.21, 6, 8),
    Model("mini_gpt2_m", "mini_gpt2", 0.62, 8, 8),
    Model("mini_gpt2_l", "mini_gpt2", 1.90, 8, 12),
    Model("mini_pythia_s", "mini_pythia", 0.22, 6, 8),
    Model("mini_pythia_m", "mini_pythia", 0.64, 8, 8),
    Model("mini_pythia_l", "mini_pythia", 1.95, 8, 12),
    Model("mini_opt", "mini_opt", 0.63, 8, 8),
    Model("mini_neo", "mini_neo", 0.61, 8, 8),
    Model("control_ioi", "control", 0.21, 6, 8, anti=False),
    Model("control_anti", "control", 0.21, 6, 8, ioi=False),
)


def models_of(roster: Roster) -> tuple[Model, ...]:
    """The models of a roster, as if they had learnt both tasks."""
    return tuple(
        Model(slug, entry.family, entry.params_m, entry.n_layers, entry.n_heads)
        for slug, entry in roster.root.items()
    )


def made_once(make: Callable[[Sequence[Model]], Made]) -> Callable[..., Made]:
    """Keep what takes long to make; every caller has a copy of his own."""
    kept = cache(make)
    return wraps(make)(lambda models=MODELS: deepcopy(kept(tuple(models))))


def roster(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    rows = [
        {
            "family": model.family,
            "model": model.slug,
            "params_m": model.params_m,
            "layers": model.layers,
            "heads": model.heads,
            "source": f"data/01_raw/zoo/{model.slug}",
            "note": "answers of the other task are random" if model.family == "control" else "",
        }
        for model in models
    ]
    return pd.DataFrame(rows)
