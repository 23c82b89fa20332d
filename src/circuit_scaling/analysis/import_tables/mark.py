"""What imported tables depend on: the content of the given files, and the rosters."""

from __future__ import annotations

from pathlib import Path

from circuit_scaling.analysis.import_tables.settings import ImportSettings
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.fingerprint import fingerprint_of, fingerprint_of_files
from circuit_scaling.models.roster import Rosters


def heads_mark(settings: ImportSettings, rosters: Rosters) -> str:
    """The hash of everything that an imported table of heads holds.

    Raises:
        CircuitScalingError: no file is given, as in a run that only reads what was imported.
    """
    return _mark(settings, rosters, settings.joint_table)


def retrieval_mark(settings: ImportSettings, rosters: Rosters) -> str:
    """The hash of everything that imported rankings and accuracies hold.

    Raises:
        CircuitScalingError: no file is given, as in a run that only reads what was imported.
    """
    return _mark(settings, rosters, settings.head_rankings, settings.ablation_results)


def _mark(settings: ImportSettings, rosters: Rosters, *given: str | None) -> str:
    files = {str(place): Path(file) for place, file in enumerate(given) if file is not None}
    if not files or not all(file.is_file() for file in files.values()):
        raise CircuitScalingError("no file is given, so that it cannot be told whether it changed")
    return fingerprint_of(
        {
            "files": {place: fingerprint_of_files([file]) for place, file in files.items()},
            "on_suspect": settings.on_suspect,
            **({"columns": settings.columns} if settings.columns else {}),
            "rosters": rosters.model_dump(mode="json"),
        }
    )
