"""Checked rankings and masked accuracies in the form of the tables that the comparison reads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from circuit_scaling.analysis.import_retrieval.ablation_checks import (
    ablation_checks,
    usable_ablations,
    with_baselines,
)
from circuit_scaling.analysis.import_retrieval.ranking_checks import (
    ranking_checks,
    usable_rankings,
)
from circuit_scaling.analysis.import_retrieval.reading import (
    AXES,
    read_ablations,
    read_rankings,
)
from circuit_scaling.analysis.import_tables.mark import content_of
from circuit_scaling.analysis.import_tables.settings import GivenFile, GivenTable, ImportSettings
from circuit_scaling.analysis.retrieval.comparison.checked import (
    Checked,
    TableName,
    as_table,
    as_text,
    by_model,
    suspects,
)
from circuit_scaling.analysis.retrieval.comparison.suspects import plausibility
from circuit_scaling.analysis.suspicions import stop_or_keep
from circuit_scaling.commands import run_command
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.fingerprint import fingerprint_of
from circuit_scaling.given_files import one_family_each
from circuit_scaling.models.roster import RosterEntry, Rosters
from circuit_scaling.tables.retrieval import (
    ABLATION_RESULTS,
    HEAD_RANKINGS,
    JOINT_ANSWERS,
    JOINT_SCORES,
)
from circuit_scaling.tables.table import Table
from circuit_scaling.vocabulary import counted

PIPELINES = ("import_retrieval", "retrieval_compare", "audit", "report")
_GIVEN: tuple[GivenTable, ...] = ("head_rankings", "ablation_results")
UNKNOWN_FAMILY = "unknown"
_EMPTY_TEXTS = ("ablation", "reason")
_log = logging.getLogger(__name__)


class ImportedRetrieval(NamedTuple):
    """What the retrieval pipelines measure, made of files; there is nothing by sample."""

    head_rankings: pd.DataFrame
    ablation_results: pd.DataFrame
    joint_scores: pd.DataFrame
    joint_answers: pd.DataFrame
    import_retrieval_checks: pd.DataFrame


def import_retrieval_tables(settings: ImportSettings, rosters: Rosters) -> ImportedRetrieval:
    """Read, check and lay out rankings, masked accuracies, or both; what is not given is empty.

    Where suspect tables are kept, of rows for the same head or set the first one counts, and rows
    that cannot be used are left out.

    Raises:
        CircuitScalingError: no file is named; one is no such table; they are suspect and not to be
            kept; or nothing of one can be used.
    """
    given = {name: files for name in _GIVEN if (files := settings.files(name))}
    if not given:
        raise CircuitScalingError(_which())
    ranked, masked = (given.get(name, ()) for name in _GIVEN)
    rankings = _read(read_rankings, ranked, HEAD_RANKINGS)
    ablations = _read(read_ablations, masked, ABLATION_RESULTS)
    named = pd.concat([rankings[["model", "family"]], ablations[["model", "family"]]])
    found = {str(model): rosters.find(str(model)) for model in named["model"].unique()}
    known = {model: entry for model, entry in found.items() if entry is not None}
    families = _families(named, known)
    head_rankings = _laid_out(usable_rankings(rankings), HEAD_RANKINGS, families, known, ranked)
    ablation_results = _laid_out(
        usable_ablations(ablations), ABLATION_RESULTS, families, {}, masked
    )
    checked = [
        *ranking_checks(rankings, known),
        *ablation_checks(ablations, rankings, known),
        *plausibility(head_rankings, ablation_results, rosters),
    ]
    if suspects(checked):
        stop_or_keep(
            [file.path for files in given.values() for file in files],
            as_text(checked),
            settings.on_suspect == "keep",
            PIPELINES,
            {param: path for name in given for param, path in settings.as_params(name).items()},
        )
    for files, table in ((ranked, head_rankings), (masked, ablation_results)):
        if files and table.empty:
            raise CircuitScalingError(
                f"No row of {_listed(files)} can be used: there is nothing to keep. Correct the "
                f"table.\n{as_text(checked)}".rstrip()
            )
    checked += [
        *_left_out("head_rankings", rankings, head_rankings),
        *_left_out("ablation_results", with_baselines(ablations), ablation_results),
    ]
    if noted := as_text(checked, "noted"):
        _log.warning("To be known of the tables:\n%s", noted)
    unknown = [model for model in found if model not in known]
    if unknown:
        _log.info("Not in a roster, so of unknown family and shape: %s.", ", ".join(unknown))
    return ImportedRetrieval(
        head_rankings,
        ablation_results,
        JOINT_SCORES.empty(),
        JOINT_ANSWERS.empty(),
        as_table(checked),
    )


def _which() -> str:
    params = {f"import.{name}": "PATH" for name in _GIVEN}
    return (
        "Which tables are to be imported? Name a CSV or parquet file with the columns "
        f"{', '.join((*AXES, 'layer', 'head', 'score', 'rank'))}, one with "
        f"{', '.join((*AXES, 'n_heads', 'set_type', 'accuracy', 'baseline_accuracy'))}, or both: "
        + run_command(PIPELINES, env="external", params=params)
    )


def _read(
    read: Callable[[GivenFile], pd.DataFrame], files: Sequence[GivenFile], table: Table
) -> pd.DataFrame:
    """The rows of all files, or of the empty table.

    Raises:
        CircuitScalingError: one cannot be taken, or a model is in several families.
    """
    if not files:
        return table.empty()
    rows = pd.concat([read(file) for file in files], ignore_index=True)
    one_family_each(", ".join(file.file for file in files), rows)
    return rows


def _listed(files: Sequence[GivenFile]) -> str:
    return ", ".join(f"'{file.file}'" for file in files)


def _left_out(name: TableName, given: pd.DataFrame, kept: pd.DataFrame) -> Iterator[Checked]:
    """Rows of each method and model that are not in the table that is kept."""
    there = {where: len(rows) for where, rows in by_model(kept)}
    for where, rows in by_model(given):
        missing = len(rows) - there.get(where, 0)
        if missing:
            yield Checked(
                name,
                "rows left out",
                where,
                missing,
                f"in no finding: {missing} of {counted(len(rows), 'row')}",
                "of what is suspect, that which cannot be used; of several rows the first is kept",
                "noted",
            )


def _families(named: pd.DataFrame, known: Mapping[str, RosterEntry]) -> dict[str, str]:
    """Model -> its family: the roster's, else that of the files, else unknown."""
    told = named[named["family"] != ""].groupby("model")["family"].first()
    return {
        str(model): known[model].family if model in known else str(told.get(model, UNKNOWN_FAMILY))
        for model in named["model"].unique()
    }


def _laid_out(
    rows: pd.DataFrame,
    table: Table,
    families: Mapping[str, str],
    known: Mapping[str, RosterEntry],
    files: Sequence[GivenFile],
) -> pd.DataFrame:
    """The rows as the table has them; what was not told is missing.

    Args:
        known: models whose shape is filled in, where the file does not say it.
    """
    if not files:
        return table.empty()
    content = content_of(files)
    prints = {
        model: fingerprint_of({"imported": content, "model": model, "family": family})
        for model, family in families.items()
    }
    laid = rows.reindex(columns=list(table.columns))
    laid["family"] = rows["model"].map(families)
    laid["fingerprint"] = rows["model"].map(prints)
    if known:
        for name in ("n_layers", "n_heads"):
            shape = {model: float(getattr(entry, name)) for model, entry in known.items()}
            laid[name] = laid[name].fillna(rows["model"].map(shape))
    for name in _EMPTY_TEXTS:
        if name in laid:
            laid[name] = laid[name].astype(object).fillna("")
    return table.typed(laid)
