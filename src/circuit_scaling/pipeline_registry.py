"""The pipelines by name, built from the roster of the environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from kedro.config import OmegaConfigLoader
from kedro.framework.project import settings
from kedro.pipeline import Pipeline
from kedro.utils import find_kedro_project
from omegaconf.errors import OmegaConfBaseException

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.roster import Roster
from circuit_scaling.pipelines import (
    ablation,
    causal,
    classify,
    import_tables,
    join,
    report,
    scaling,
    scan,
    transfer,
    zoo,
)


def register_pipelines() -> dict[str, Pipeline]:
    """The study: ``scan, join, classify, scaling, transfer, causal, ablation, report``.

    ``zoo`` trains the embedded models, and ``import_tables`` stands in for ``join``.

    The study runs by default, or the ``default_pipelines`` that globals.yml of the environment
    names. ``overview`` is the study on the first two models: the same graph, small enough to read.
    """
    loader = _loader()
    roster = _roster(loader).root
    slugs = tuple(roster)
    embedded = tuple(slug for slug, entry in roster.items() if entry.objectives)
    study = _study(slugs)
    every = {
        **study,
        "zoo": zoo.create_pipeline(embedded),
        "import_tables": import_tables.create_pipeline(),
    }
    default = loader["globals"].get("default_pipelines", study)
    return {
        **every,
        "__default__": sum((every[name] for name in default), Pipeline([])),
        "overview": sum(_study(slugs[:2]).values(), Pipeline([])),
    }


def _study(slugs: Sequence[str]) -> dict[str, Pipeline]:
    return {
        "scan": scan.create_pipeline(slugs),
        "join": join.create_pipeline(slugs),
        "classify": classify.create_pipeline(),
        "scaling": scaling.create_pipeline(),
        "transfer": transfer.create_pipeline(),
        "causal": causal.create_pipeline(slugs),
        "ablation": ablation.create_pipeline(slugs),
        "report": report.create_pipeline(),
    }


def _loader() -> OmegaConfigLoader:
    """The environment's configuration; a dynamic pipeline cannot wait for the context."""
    project = find_kedro_project(Path.cwd()) or Path.cwd()
    return OmegaConfigLoader(
        conf_source=str(project / settings.CONF_SOURCE),
        env=os.environ.get("KEDRO_ENV"),
        **settings.CONFIG_LOADER_ARGS,
    )


def _roster(loader: OmegaConfigLoader) -> Roster:
    try:
        return Roster.model_validate(loader["parameters"]["models"])
    except OmegaConfBaseException as error:
        raise CircuitScalingError(
            "The roster that 'roster' in globals.yml names is not under '_rosters' in "
            f"parameters_models.yml: {str(error).splitlines()[0]}"
        ) from error
    except ValueError as error:
        raise CircuitScalingError(f"The roster is not valid: {error}") from error
