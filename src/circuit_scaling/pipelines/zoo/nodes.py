"""Nodes of the zoo: train the embedded models of both studies, collect their curves."""

from __future__ import annotations

from typing import Any

import pandas as pd

from circuit_scaling.datasets.figures import Drawn
from circuit_scaling.figures.zoo.training import zoo_training
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.zoo.settings import ReaderSettings, ZooSettings
from circuit_scaling.prompts.spec import Tasks


def train(entry: RosterEntry, tasks: Tasks, settings: ZooSettings) -> dict[str, Any]:
    """Train one embedded model from random weights."""
    from circuit_scaling.models.zoo.train import train_model

    trained = train_model(entry, settings, tasks)
    return {
        "checkpoint": trained.files,
        "zoo_curves": trained.curves,
        "zoo_accuracy": trained.accuracy,
    }


def train_to_read(
    entry: RosterEntry, settings: ReaderSettings, start: dict[str, bytes] | None = None
) -> dict[str, Any]:
    """Train one embedded model to read documents, from random weights or from a checkpoint's."""
    from circuit_scaling.models.zoo.readers import train_reader

    trained = train_reader(entry, settings, start)
    return {
        "checkpoint": trained.files,
        "zoo_curves": trained.curves,
        "zoo_answers": trained.answers,
    }


def draw(zoo_curves: pd.DataFrame, zoo_accuracy: pd.DataFrame) -> Drawn:
    """Loss curves with the final accuracies, of the models that have them: of names and lists."""
    shown = zoo_curves[zoo_curves["model"].isin(zoo_accuracy["model"])]
    return {"zoo_training": (zoo_training(shown, zoo_accuracy), shown)}
