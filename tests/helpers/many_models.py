"""A study of many models of tiny shapes, made up: what each stage costs as models are added."""

from __future__ import annotations

import numpy as np
import pandas as pd

from circuit_scaling.tables.columns import PROFILE_COLUMNS
from tests.helpers import synthetic_tables as synthetic
from tests.helpers.filled_tables import filled
from tests.helpers.synthetic_tables import Model

FAMILIES = 8
LAYERS, HEADS = 4, 12
CLUSTERS = 12
_TASKS = ("ioi", "anti_names", "anti_names_first")


def many(n: int) -> tuple[Model, ...]:
    """``n`` models of 48 heads each in eight families, no two of one size."""
    return tuple(
        Model(f"m{i:04d}", f"family_{i % FAMILIES}", 0.5 + i / 100, LAYERS, HEADS) for i in range(n)
    )


def roster(models: tuple[Model, ...]) -> dict[str, dict[str, object]]:
    """The entries of ``params:models``."""
    return {
        model.slug: {
            **{"family": model.family, "folder": "none", "params_m": model.params_m},
            **{"n_layers": model.layers, "n_heads": model.heads},
        }
        for model in models
    }


def joined(models: tuple[Model, ...]) -> dict[str, pd.DataFrame]:
    """``joint_heads``, ``joint_effects`` and ``competence``, as ``join`` would write them."""
    rng = np.random.default_rng(0)
    heads = synthetic.classified_heads(models)
    heads[list(PROFILE_COLUMNS)] = rng.random((len(heads), len(PROFILE_COLUMNS)))
    return {
        "joint_heads": filled("joint_heads", heads),
        "joint_effects": _effects(heads, rng),
        "competence": synthetic.competence(models),
    }


def _effects(heads: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Effects on clusters that scatter by 0.02 logits around the mean effect of each head."""
    keys = heads[["family", "model", "layer", "head"]]
    rows = keys.loc[keys.index.repeat(CLUSTERS)]
    clusters = [f"c{i:02d}" for i in range(CLUSTERS)]
    parts = []
    for task in _TASKS:
        delta = heads[f"delta_{'ioi' if task == 'ioi' else 'anti_names'}"].to_numpy()
        parts.append(
            rows.assign(
                task=task,
                cluster=np.tile(clusters, len(heads)),
                split=np.tile(["select", "test"] * (CLUSTERS // 2), len(heads)),
                effect=np.repeat(delta, CLUSTERS) + rng.normal(0, 0.02, len(rows)),
                n_prompts=2,
            )
        )
    return pd.concat(parts, ignore_index=True)
