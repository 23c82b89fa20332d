"""Where tables lie: the datasets of the catalogue that are checked against a schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kedro.framework.project import pipelines, settings
from kedro.framework.startup import bootstrap_project
from kedro.pipeline import Pipeline

from circuit_scaling.configuration import ProjectConfigLoader
from circuit_scaling.tables import registry  # noqa: F401 - every schema module is imported then

PROJECT = Path(__file__).parents[2]
_DATA_ROOT = "data"


@dataclass(frozen=True)
class Stored:
    """A dataset of the catalogue that holds a table.

    Attributes:
        name: as in the catalogue, with ``<model>`` in the place of a slug.
        path: of the file or, where it is versioned, of the folder of its versions.
    """

    name: str
    path: str

    def is_called(self, dataset: str) -> bool:
        """Whether a dataset of a pipeline is this one, of whichever model."""
        pattern = re.escape(self.name).replace(re.escape("<model>"), r"\w+")
        return re.fullmatch(pattern, dataset) is not None


@cache
def base_configuration() -> Mapping[str, Mapping[str, Any]]:
    """Globals, parameters and catalogue of ``conf/base`` alone, each as plain data."""
    loader = _base()
    return {kind: loader[kind] for kind in ("globals", "parameters", "catalog")}


@cache
def every_pipeline() -> dict[str, Pipeline]:
    """All pipelines by name, built from ``conf/base`` alone, whatever the process did before."""
    _base().make_present(PROJECT)
    return dict(pipelines)


def _base() -> ProjectConfigLoader:
    bootstrap_project(PROJECT)
    return ProjectConfigLoader(str(PROJECT / "conf"), env="base", **settings.CONFIG_LOADER_ARGS)


def stored_tables() -> dict[str, list[Stored]]:
    """Name of a schema -> the datasets that hold such a table, in the order of their places."""
    found: dict[str, list[Stored]] = {}
    entries = base_configuration()["catalog"].items()
    for name, entry in sorted(entries, key=lambda item: str(item[1].get("filepath", ""))):
        if name.startswith("_") or "validator" not in entry:
            continue
        module, _, variable = entry["validator"].rpartition(".")
        schema = getattr(__import__(module, fromlist=[variable]), variable)
        found.setdefault(schema.name, []).append(Stored(_of_any(name), shown(entry["filepath"])))
    return found


def shown(path: str) -> str:
    """A path as pages show it: below the data root, of any model."""
    below = path.removeprefix(f"{_DATA_ROOT}/")
    kept = below.startswith("01_raw/")
    return _of_any(path if kept else f"<data root>/{below}")


def _of_any(name: str) -> str:
    return name.replace("{model}", "<model>")
