"""What there is to judge published findings by: tables, and which of their models are which."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from circuit_scaling.models.names import of_these_weights
from circuit_scaling.models.roster import Roster, Rosters, names_of_model
from circuit_scaling.tables.made_with import made_with
from circuit_scaling.vocabulary import CONFIGURATION, STUDY_TASKS

HEADS, RANKINGS, ACCURACIES = "classified_heads", "head_rankings", "ablation_results"
_MEASURED_WITH = {HEADS: "scan.primary", RANKINGS: "retrieval.asks", ACCURACIES: "masking.ks"}
"""A parameter that each of them carries where it was measured here."""


@dataclass(frozen=True)
class Evidence:
    """The tables of one run.

    Attributes:
        tables: by name, as far as they are there and fit together.
        rosters, rosters_of_run: say which weights a model has; those of the run come first.
    """

    tables: Mapping[str, pd.DataFrame]
    rosters: Rosters = field(default_factory=lambda: Rosters({}))
    rosters_of_run: Sequence[Roster] = ()

    def models(self, table: str) -> list[str]:
        """The models of a table, in its order; none where it is not there."""
        found = self.tables.get(table)
        return [] if found is None else [str(model) for model in found["model"].unique()]

    def by_checkpoint(self, tables: Iterable[str], checkpoints: Sequence[str]) -> dict[str, str]:
        """Checkpoint -> the model of these tables that has its weights, for those that one has."""
        found: dict[str, str] = {}
        for model in dict.fromkeys(model for table in tables for model in self.models(table)):
            for checkpoint in of_these_weights(self._names[model], checkpoints):
                found.setdefault(checkpoint, model)
        return found

    @cached_property
    def compared(self) -> dict[str, dict[str, list[Any]]]:
        """Table of rankings or accuracies -> its methods, models, questions and lengths."""
        return {
            name: {axis: self.tables[name][axis].unique().tolist() for axis in CONFIGURATION}
            for name in (RANKINGS, ACCURACIES)
            if name in self.tables
        }

    @cached_property
    def _names(self) -> dict[str, set[str]]:
        """Model -> the names of its weights."""
        every = {model for table in _MEASURED_WITH for model in self.models(table)}
        return {model: names_of_model(model, self.rosters_of_run, self.rosters) for model in every}

    def imported(self, table: str) -> bool:
        """Whether heads, rankings or accuracies were measured elsewhere."""
        return _MEASURED_WITH[table] not in made_with(self.tables[table])

    def incompetent(self, models: Iterable[str], tasks: Collection[str]) -> list[tuple[str, str]]:
        """(model, task) for the models that are known not to do one of these tasks."""
        if HEADS not in self.tables:
            return []
        first = self.tables[HEADS].drop_duplicates("model").set_index("model")
        able = {task: first[f"competent_{task}"].fillna(True) for task in STUDY_TASKS}
        return [
            (model, task)
            for model in models
            for task in STUDY_TASKS
            if task in tasks and not able[task][model]
        ]
