"""A checked table in the form of the joined tables that everything downstream reads."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from circuit_scaling.analysis.import_tables.checks import Known, all_findings
from circuit_scaling.analysis.import_tables.findings import as_table, as_text, marks, suspects
from circuit_scaling.analysis.import_tables.layouts import DELTAS, with_families
from circuit_scaling.analysis.import_tables.mark import content_of
from circuit_scaling.analysis.import_tables.reading import COLUMNS, read_head_table
from circuit_scaling.analysis.import_tables.settings import GivenFile, ImportSettings
from circuit_scaling.analysis.suspicions import stop_or_keep
from circuit_scaling.commands import run_command
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.fingerprint import fingerprint_of
from circuit_scaling.models.roster import RosterEntry, Rosters
from circuit_scaling.tables.columns import HEAD_KEYS
from circuit_scaling.tables.join import JOINT_EFFECTS, JOINT_HEADS
from circuit_scaling.tables.scan import COMPETENCE
from circuit_scaling.vocabulary import STUDY_TASKS

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImportedTables:
    """What ``join`` makes of scans, made of a table; there are no effects by prompt."""

    joint_heads: pd.DataFrame
    joint_effects: pd.DataFrame
    competence: pd.DataFrame
    import_findings: pd.DataFrame


def import_joint_table(settings: ImportSettings, rosters: Rosters) -> ImportedTables:
    """Read, check and lay out a table of head effects, which may be several files.

    Where a suspect table is kept, rows without both effects are left out, and of rows for the same
    head the first one counts.

    Raises:
        CircuitScalingError: the file is no such table, it is suspect and not to be kept, or no row
            has both effects.
    """
    files = settings.files("joint_table")
    if not files:
        raise CircuitScalingError(
            "Which table is to be imported? Name a CSV or parquet file with the columns "
            f"{', '.join(COLUMNS)}: "
            + run_command(env="external", params={"import.joint_table": "PATH"})
        )
    names = "', '".join(file.file for file in files)
    given = pd.concat([read_head_table(file) for file in files], ignore_index=True)
    given = with_families(names, given, rosters)
    found = {model: rosters.find(model) for model in given["model"].unique()}
    known = {model: entry for model, entry in found.items() if entry is not None}
    findings = all_findings(given, known)
    if suspects(findings):
        stop_or_keep(
            [file.path for file in files],
            as_text(findings, _called(files)),
            settings.on_suspect == "keep",
            pipelines=(),
            params=settings.as_params("joint_table"),
        )
    unknown = [model for model in found if model not in known]
    if unknown:
        _log.info("Not in a roster, so of unknown shape and size: %s.", ", ".join(unknown))
    content = content_of(files)
    fingerprints = {model: _fingerprint(content, model, entry) for model, entry in found.items()}
    families = dict(given.drop_duplicates("model").set_index("model")["family"])
    measured = np.isfinite(given[list(DELTAS)].to_numpy()).all(axis=1)
    if not measured.any():
        nothing = "there is nothing to keep"
        raise CircuitScalingError(f"No row of '{names}' has both effects: {nothing}.")
    heads = given.loc[measured].drop_duplicates(list(HEAD_KEYS))
    joint = _joint_heads(heads, known)
    joint["suspect"] = marks(findings, heads)
    joint["bos"] = pd.Series(pd.NA, index=joint.index, dtype="boolean")
    joint["revision"] = ""
    joint["fingerprint"] = heads["model"].map(fingerprints)
    return ImportedTables(
        joint.reset_index(drop=True),
        JOINT_EFFECTS.empty(),
        COMPETENCE.empty(),
        as_table(findings, families, fingerprints),
    )


def _called(files: Sequence[GivenFile]) -> dict[str, str]:
    """What all files call the effects, where that is one other name."""
    names = {name: {file.called.get(name, name) for file in files} for name in DELTAS}
    return {name: theirs.pop() for name, theirs in names.items() if len(theirs) == 1}


def _fingerprint(content: str, model: str, entry: RosterEntry | None) -> str:
    """Of what a model's rows are made from: the file, and what the roster says of the model."""
    size = entry and [entry.n_layers, entry.n_heads, entry.params_m]
    return fingerprint_of({"imported": content, "model": model, "size": size})


def _joint_heads(heads: pd.DataFrame, known: Known) -> pd.DataFrame:
    """``joint_heads`` of the given effects; what was not measured is missing."""
    columns = [name for name, column in JOINT_HEADS.columns.items() if not column.regex]
    joint = heads[list(HEAD_KEYS)].reindex(columns=columns)
    for name in ("params_m", "n_layers", "n_heads"):
        sizes = {model: float(getattr(entry, name)) for model, entry in known.items()}
        joint[name] = heads["model"].map(sizes).astype(float)
    for task, given in zip(STUDY_TASKS, DELTAS, strict=True):
        for side in ("", "_select", "_test"):
            joint[f"delta_{task}{side}"] = heads[given]
    return joint
