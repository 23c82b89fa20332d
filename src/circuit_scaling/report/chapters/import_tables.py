"""The chapter on an imported table: what was given, and what its checks found."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from circuit_scaling.report.blocks import (
    MISSING,
    Cell,
    Table,
    arrange,
    as_float,
    columns,
    count_cell,
    counted,
    model_cell,
    number_cell,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext


def _tell(context: ReportContext) -> Told:
    """What was suspect, and which models the table has."""
    findings, heads = context.tables["import_findings"], context.tables.get("classified_heads")
    suspect = arrange(findings[findings["outcome"] == "suspect"], context.order)
    blocks = [_suspect_table(suspect)] if len(suspect) else []
    if heads is not None:
        blocks.append(_models_table(heads, set(suspect["model"]), context.order))
    sentences = [*_sentences(findings, suspect), *_without_rows(findings, heads)]
    return Told(sentences, blocks)


def _sentences(findings: pd.DataFrame, suspect: pd.DataFrame) -> list[str]:
    sentences = [
        "The heads on this page were measured elsewhere and imported as a table of two effects per"
        " head. Standard errors, intervals, stability and competence need effects by prompt, so"
        " they are missing."
    ]
    if len(suspect):
        models = counted(suspect["model"].nunique(), "model")
        sentences.append(
            f"The table cannot be right as it is: {counted(len(suspect), 'finding')} in {models}."
            " It was kept on request; what rests on suspect rows is no result."
        )
    elif (findings["outcome"] == "passed").all():
        sentences.append("The table passed every check.")
    else:
        sentences.append("The table passed every check that was possible.")
    unknown = findings.loc[findings["outcome"] == "not possible", "model"].unique()
    if len(unknown):
        sentences.append(
            f"In no roster: {', '.join(unknown)}. Whether all heads are there, and only those, is"
            " not possible to check for them."
        )
    return sentences


def _without_rows(findings: pd.DataFrame, heads: pd.DataFrame | None) -> list[str]:
    """Models of which nothing could be kept."""
    if heads is None:
        return []
    gone = findings.loc[~findings["model"].isin(heads["model"]), "model"].unique()
    if not len(gone):
        return []
    return [f"Nothing is left of {', '.join(gone)}: no row has both effects."]


def _suspect_table(suspect: pd.DataFrame) -> Table:
    rows = [
        (
            *(text_cell(value) for value in (model, check, column or MISSING)),
            text_cell(detail, note=shown),
            text_cell(cause),
        )
        for model, check, column, detail, shown, cause in columns(
            suspect, "model", "check", "column", "detail", "examples", "cause"
        )
    ]
    names = ("model", "check", "column", "found, and in which heads", "likely cause")
    return Table(names, rows, "What the checks found.")


def _models_table(heads: pd.DataFrame, suspect: set[str], order: Sequence[str]) -> Table:
    rows = []
    for model, group in arrange(heads, order).groupby("model", sort=False):
        first = group.iloc[0]
        layers, per_layer = as_float(first["n_layers"]), as_float(first["n_heads"])
        every = Cell(MISSING, numeric=True)
        if layers * per_layer > 0:
            every = count_cell(layers * per_layer)
        size = as_float(first["params_m"])
        rows.append(
            (
                model_cell(model, suspect),
                text_cell(first["family"]),
                number_cell(size, 2 if size < 10 else 0),
                count_cell(layers),
                count_cell(per_layer),
                count_cell(len(group)),
                every,
            )
        )
    names = ("model", "family", "parameters (M)", "layers", "heads per layer", "rows", "all heads")
    caption = "The models of the table; sizes and shapes are those of the rosters."
    return Table(names, rows, caption)


CHAPTER = Chapter(
    anchor="imported",
    title="The imported table",
    pipeline="import_tables",
    tables=("import_findings",),
    also=("classified_heads",),
    tell=_tell,
)
