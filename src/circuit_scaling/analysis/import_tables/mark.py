"""What imported tables depend on: the content of the given files, and the rosters."""

from __future__ import annotations

from pathlib import Path

from circuit_scaling.analysis.import_tables.settings import ImportSettings
from circuit_scaling.fingerprint import fingerprint_of, fingerprint_of_files
from circuit_scaling.models.roster import Rosters


def heads_mark(settings: ImportSettings, rosters: Rosters) -> str:
    """The hash of everything that an imported table of heads holds."""
    return _mark(settings, rosters, settings.joint_table)


def retrieval_mark(settings: ImportSettings, rosters: Rosters) -> str:
    """The hash of everything that imported rankings and accuracies hold."""
    return _mark(settings, rosters, settings.head_rankings, settings.ablation_results)


def _mark(settings: ImportSettings, rosters: Rosters, *given: str | None) -> str:
    files = {
        str(place): fingerprint_of_files([Path(file)])
        for place, file in enumerate(given)
        if file is not None and Path(file).is_file()
    }
    return fingerprint_of(
        {
            "files": files,
            "on_suspect": settings.on_suspect,
            "rosters": rosters.model_dump(mode="json"),
        }
    )
