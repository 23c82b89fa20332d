"""What imported tables depend on: the content of the given files, and the rosters."""

from __future__ import annotations

from collections.abc import Sequence

from circuit_scaling.analysis.import_tables.settings import GivenFile, GivenTable, ImportSettings
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.fingerprint import fingerprint_of, fingerprint_of_files
from circuit_scaling.models.roster import Rosters


def heads_mark(settings: ImportSettings, rosters: Rosters) -> str:
    """The hash of everything that an imported table of heads holds.

    Raises:
        CircuitScalingError: no file is given, as in a run that only reads what was imported.
    """
    return _mark(settings, rosters, "joint_table")


def retrieval_mark(settings: ImportSettings, rosters: Rosters) -> str:
    """The hash of everything that imported rankings and accuracies hold.

    Raises:
        CircuitScalingError: no file is given, as in a run that only reads what was imported.
    """
    return _mark(settings, rosters, "head_rankings", "ablation_results")


def content_of(files: Sequence[GivenFile]) -> str:
    """The hash of what some files hold and what is said of them; their folders do not matter."""
    return fingerprint_of(
        {
            "files": [
                [
                    fingerprint_of_files([file.path]),
                    file.model_dump(mode="json", exclude={"file"}, exclude_defaults=True),
                ]
                for file in files
            ]
        }
    )


def _mark(settings: ImportSettings, rosters: Rosters, *tables: GivenTable) -> str:
    given = {table: settings.files(table) for table in tables}
    files = [file for several in given.values() for file in several]
    if not files or not all(file.path.is_file() for file in files):
        raise CircuitScalingError("no file is given, so that it cannot be told whether it changed")
    return fingerprint_of(
        {
            "files": {table: content_of(several) for table, several in given.items()},
            "on_suspect": settings.on_suspect,
            "rosters": rosters.model_dump(mode="json"),
        }
    )
