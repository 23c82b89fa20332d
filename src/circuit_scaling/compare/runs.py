"""A run as its tables on the disk tell it: the newest of each, or the newest before a version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from circuit_scaling.datasets.stamps import STAMP, Stamp
from circuit_scaling.datasets.table import attributes_of, is_whole
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.tables.made_with import of_attributes

_LAYERS = "[0-9][0-9]_*"  # data roots of other environments lie in that of the base
_SCANS = "head_effects"
HEADS = ("classified_heads", "joint_heads")
"""Tables of heads; the first has categories as well."""
_STUDIES = (*HEADS, "retrieval_findings", "head_rankings")


@dataclass(frozen=True)
class Run:
    """The tables of one data root.

    Attributes:
        name: what people called it.
        before: only versions before this one; None: all.
    """

    name: str
    root: Path
    before: str | None = None

    def table(self, name: str) -> pd.DataFrame | None:
        """A table of all models; None where there is none.

        Raises:
            CircuitScalingError: it is damaged.
        """
        file = self._file(name)
        if file is None:
            return None
        if not is_whole(file):
            raise CircuitScalingError(
                f"'{file}' is damaged. Make it again, or remove it, so that the version before it "
                "is compared."
            )
        return pd.read_parquet(file)

    def version(self, name: str) -> str | None:
        """Which version of a table is read."""
        file = self._file(name)
        return None if file is None else file.parent.name

    def made_with(self, name: str) -> dict[str, Any]:
        """The parameters that a table says it was made with."""
        return of_attributes(self._attributes(name))

    def commit(self, name: str) -> str:
        """The commit of the project that made a table; empty where it does not say."""
        return str(self._attributes(name).get("commit") or "")

    def engine(self, model: str) -> str:
        """The version of the engine that scanned a model; empty where its scan does not say."""
        file = self._newest(f"{_SCANS}/{model}.parquet/*/{model}.parquet")
        stamp = None if file is None else Stamp.of_data(attributes_of(file).get(STAMP))
        return "" if stamp is None else stamp.code

    @cached_property
    def tables(self) -> frozenset[str]:
        """The names of all tables that there are."""
        folders = self.root.glob(f"{_LAYERS}/*.parquet")
        return frozenset(folder.stem for folder in folders if self._file(folder.stem))

    def _attributes(self, name: str) -> Mapping[str, Any]:
        file = self._file(name)
        return {} if file is None else attributes_of(file)

    def _file(self, name: str) -> Path | None:
        return self._newest(f"{name}.parquet/*/{name}.parquet")

    def _newest(self, pattern: str) -> Path | None:
        files = sorted(self.root.glob(f"{_LAYERS}/{pattern}"), reverse=True)
        return next(
            (file for file in files if self.before is None or file.parent.name < self.before), None
        )


def check_run(run: Run) -> None:
    """Nothing where a run has something to compare.

    Raises:
        CircuitScalingError: it has no tables of heads or of retrieval; the message says where they
            were looked for.
    """
    if not any(name in run.tables for name in _STUDIES):
        earlier = f" before {run.before}" if run.before else ""
        raise CircuitScalingError(
            f"'{run.name}' has no tables of heads{earlier}: there are none in '{run.root}'. Name "
            "an environment that was run, or the folder that its layers lie in."
        )
