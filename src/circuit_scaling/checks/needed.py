"""What the run reads that no node of it makes: checkpoints, devices, filings and given tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kedro.pipeline import Pipeline

from circuit_scaling.analysis.import_tables.settings import GivenTable, ImportSettings
from circuit_scaling.analysis.transfer.settings import TransferSettings
from circuit_scaling.checks.problem import Problem, instead
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.device import check_device
from circuit_scaling.models.headers import check_headers
from circuit_scaling.models.roster import Roster, RosterEntry
from circuit_scaling.models.sources import check_hub_id

_CHECKS: tuple[Callable[[RosterEntry], None], ...] = (check_hub_id, check_headers, check_device)
_GIVEN_TABLES: dict[str, tuple[GivenTable, ...]] = {
    "import_tables": ("joint_table",),
    "import_retrieval": ("head_rankings", "ablation_results"),
}


def wrong_models(pipeline: Pipeline, rosters: Mapping[str, Roster]) -> Iterator[Problem]:
    """Models that a node of the run reads and that are not there, or not as their entries say.

    A model that the run itself trains need not be there yet.

    Args:
        rosters: parameter -> roster of the run.
    """
    made = {name.partition("__")[2] for name in pipeline.all_outputs() if "checkpoint__" in name}
    read = {name for node in pipeline.nodes for name in node.inputs}
    for parameter, roster in rosters.items():
        for slug, entry in roster.root.items():
            if slug in made or f"params:{parameter}.{slug}" not in read:
                continue
            for check in _CHECKS:
                try:
                    check(entry)
                except CircuitScalingError as error:
                    yield Problem("", error.message)


def unknown_pairs(
    pipeline: Pipeline, typed: Mapping[str, Any], models: Roster
) -> Iterator[Problem]:
    """Pairs of models that are none of the run's; those of stored tables are known to nobody yet.

    Args:
        typed: the blocks that are right by themselves.
    """
    settings = typed.get("transfer")
    joins = any(
        "joint_heads" in node.outputs and node.namespace != "import_tables"
        for node in pipeline.nodes
    )
    if isinstance(settings, TransferSettings) and settings.pairs != "all" and joins:
        for name in dict.fromkeys(name for pair in settings.pairs for name in pair):
            if name not in models.root:
                said = f"there is no model '{name}' in the roster. {instead(name, models.root)}"
                yield Problem("transfer.pairs", said)


def missing_files(
    pipeline: Pipeline, typed: Mapping[str, Any], places: Mapping[str, Any], project: Path
) -> Iterator[Problem]:
    """Files that the configuration names, the run reads, and that are not there.

    Args:
        typed: the blocks that are right by themselves.
        places: globals.yml.
    """
    read = pipeline.inputs()
    for dataset, name, file in (
        ("filings_truth", "filings_root", "truth.csv"),
        ("filings_texts", "filings_root", "texts.csv"),
        ("haystack", "haystack", ""),
    ):
        place = places.get(name)
        if dataset in read and isinstance(place, str) and place.strip():
            path = project / place / file
            if not path.is_file():
                yield Problem(f"globals.yml: {name}", f"there is no file '{path}'.")
    settings = typed.get("import")
    if isinstance(settings, ImportSettings):
        stages = {(node.namespace or "").partition(".")[0] for node in pipeline.nodes}
        for stage in stages & set(_GIVEN_TABLES):
            for name in _GIVEN_TABLES[stage]:
                for given in settings.files(name):
                    if not given.path.is_file():
                        said = f"There is no file '{given.file}' to import (in '{Path.cwd()}')."
                        yield Problem(f"import.{name}", said)
