"""Pairs of models whose heads are compared, and what a comparison knows of each model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from math import isnan

import numpy as np
import numpy.typing as npt
import pandas as pd

from circuit_scaling.analysis.transfer.settings import TransferSettings
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.tables.columns import PROFILE_COLUMNS
from circuit_scaling.vocabulary import STUDY_TASKS

Pair = tuple["ModelHeads", "ModelHeads"]


@dataclass(frozen=True)
class ModelHeads:
    """The classified heads of one model by layer and head, numbered from 0."""

    family: str
    model: str
    heads: pd.DataFrame

    def named(self, role: str) -> dict[str, str]:
        """``<role>_family`` and ``<role>_model``."""
        return {f"{role}_family": self.family, f"{role}_model": self.model}

    @cached_property
    def layers(self) -> npt.NDArray[np.int64]:
        """Layer of each head: [heads]."""
        return self.heads["layer"].to_numpy(dtype=np.int64)

    @cached_property
    def keys(self) -> list[tuple[int, int]]:
        """(layer, head) of each head."""
        return [(int(x), int(y)) for x, y in self.heads[["layer", "head"]].to_numpy()]

    @cached_property
    def places(self) -> dict[tuple[int, int], int]:
        """(layer, head) -> number of the head."""
        return {key: i for i, key in enumerate(self.keys)}

    @cached_property
    def shape(self) -> tuple[int, int] | None:
        """Layers and heads per layer; None where the table does not know."""
        n_layers, n_heads = (float(self.heads[name].iloc[0]) for name in ("n_layers", "n_heads"))
        return None if isnan(n_layers) or isnan(n_heads) else (int(n_layers), int(n_heads))

    @cached_property
    def profiles(self) -> npt.NDArray[np.float64] | None:
        """Task-free scores, [heads, scores]; None for models that were measured elsewhere."""
        scores = self.heads[list(PROFILE_COLUMNS)].to_numpy(dtype=np.float64)
        return None if np.isnan(scores).any() else scores

    @cached_property
    def sizes(self) -> dict[str, npt.NDArray[np.float64]]:
        """Task -> |delta| of each head: [heads]."""
        return {
            task: self.heads[f"delta_{task}"].abs().to_numpy(dtype=np.float64)
            for task in STUDY_TASKS
        }


def models_of(classified_heads: pd.DataFrame) -> list[ModelHeads]:
    """Every model of ``classified_heads``, in the order of the rows."""
    return [
        ModelHeads(str(family), str(model), rows.sort_values(["layer", "head"], ignore_index=True))
        for (family, model), rows in classified_heads.groupby(["family", "model"], sort=False)
    ]


def pairs_of(models: list[ModelHeads], settings: TransferSettings) -> Iterator[Pair]:
    """The (base, target) pairs of the settings; of a single model there are none.

    Raises:
        CircuitScalingError: a listed model is not in the table.
    """
    if isinstance(settings.pairs, str):
        within = settings.pairs == "families"
        ordered = permutations(models, 2)
        yield from (pair for pair in ordered if not within or pair[0].family == pair[1].family)
        return
    known = list(dict.fromkeys(found.model for found in models))
    for base, target in settings.pairs:
        for name in (base, target):
            if name not in known:
                raise CircuitScalingError(
                    f"transfer.pairs names '{name}', which has no classified heads. "
                    f"There are: {', '.join(known)}."
                )
        yield from ((b, t) for b in models for t in models if (b.model, t.model) == (base, target))
