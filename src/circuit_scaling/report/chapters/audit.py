"""The chapter on what was published: every number and claim beside what was measured here."""

from __future__ import annotations

from typing import Any

import pandas as pd

from circuit_scaling.figures.style import number
from circuit_scaling.report.blocks import (
    MISSING,
    Cell,
    Table,
    as_float,
    count_cell,
    counted,
    interval,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext
from circuit_scaling.tables.audit import (
    CANNOT_BE_RIGHT,
    NOT_RUN,
    OUTCOMES,
    REPRODUCED,
    STUDIES,
)
from circuit_scaling.tables.made_with import made_with

_ANY = "any"
_PUBLISHED_FORM = "anti_names_first"


def _tell(context: ReportContext) -> Told:
    """How many findings became what, and each of them, study by study."""
    audit = context.tables["published_audit"]
    of_models = audit["checkpoints"] != _ANY
    sentences = [
        f"The two studies published {counted(len(audit), 'number')} and claims that are listed here"
        " one by one, each beside what these tables give."
        f" {_count(of_models)} are about certain checkpoints: {_outcomes(audit[of_models])}.",
        *_in_general(audit[~of_models]),
        *_not_right(audit),
        *_not_run(audit),
        *_other_task(audit[of_models]),
    ]
    by_study = (_table(audit[audit["study"] == study], study) for study in STUDIES)
    return Told(sentences, (_summary(audit), *by_study))


def _count(chosen: pd.Series[bool]) -> str:
    return f"{int(chosen.sum()):,}"


def _outcomes(audit: pd.DataFrame) -> str:
    """Such as ``3 reproduced, 120 not run``, in the order of the outcomes."""
    counts = audit["outcome"].value_counts()
    return ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in OUTCOMES if outcome in counts)


def _in_general(claims: pd.DataFrame) -> list[str]:
    """Claims about models in general, which say nothing of the studies' own models."""
    if claims.empty:
        return []
    judged = claims[claims["outcome"] != NOT_RUN]
    holding = int((judged["outcome"] == REPRODUCED).sum())
    return [
        f"{len(claims)} are about models in general. These are judged on the models that are here"
        f" and can do the tasks, whichever they are: {_outcomes(claims)}. That"
        f" {'one' if holding == 1 else 'some'} of them {'holds' if holding == 1 else 'hold'} on"
        " these models does not say that it holds on those of the studies."
        if holding
        else f"{len(claims)} are about models in general, and are judged on the models that are"
        f" here and can do the tasks, whichever they are: {_outcomes(claims)}."
    ]


def _not_right(audit: pd.DataFrame) -> list[str]:
    """What follows from tables that cannot be right."""
    found = audit[audit["outcome"] == CANNOT_BE_RIGHT]
    if found.empty:
        return []
    return [
        f"{counted(len(found), 'finding')} can be computed from the imported tables as published,"
        " and a check says of what it rests on that it cannot be right: it is no evidence."
    ]


def _not_run(audit: pd.DataFrame) -> list[str]:
    """What measures the rest."""
    absent = audit[(audit["outcome"] == NOT_RUN) & (audit["command"] != "")]
    if absent.empty:
        return []
    commands = [f"{command} ({n:,})" for command, n in absent["command"].value_counts().items()]
    return [f"What was not run is measured by {'; '.join(commands)}."]


def _other_task(findings: pd.DataFrame) -> list[str]:
    """That the anti-repetition that was measured is not quite the published one."""
    task = made_with(findings).get("join.anti_names")
    judged = (findings["study"] == STUDIES[0]) & (findings["models"] != "")
    if task in (None, _PUBLISHED_FORM) or not judged.any():
        return []
    return [
        f"Anti-repetition is measured by {task}, in which either name may be repeated; in the study"
        f" it was always the first, which join.anti_names={_PUBLISHED_FORM} measures."
    ]


def _summary(audit: pd.DataFrame) -> Table:
    rows = [
        (
            text_cell(outcome),
            *(
                count_cell(int(((audit["outcome"] == outcome) & (audit["study"] == study)).sum()))
                for study in STUDIES
            ),
        )
        for outcome in OUTCOMES
        if (audit["outcome"] == outcome).any()
    ]
    return Table(("outcome", *STUDIES), rows, "What became of the published findings.")


def _table(findings: pd.DataFrame, study: str) -> Table:
    rows = findings.to_dict("records")
    names = ("claim", "source", "published", "measured here", "outcome", "why, or what to run")
    return Table(
        names,
        [_cells(row) for row in rows],
        f"The study of {study}: {counted(len(rows), 'number')} and claims.",
        quiet=frozenset(at for at, row in enumerate(rows) if row["outcome"] == NOT_RUN),
        folded=True,
    )


def _cells(row: dict[Any, Any]) -> tuple[Cell, ...]:
    unit = f" {row['unit']}" if row["unit"] else ""
    return (
        text_cell(row["claim"], note=row["definition"]),
        text_cell(row["source"].replace("; ", "\n")),
        text_cell(f"{row['published']}{unit}" if row["published"] else MISSING),
        _measured(row, unit),
        text_cell(row["outcome"]),
        text_cell(row["reason"] or MISSING, note=row["command"]),
    )


def _measured(row: dict[Any, Any], unit: str) -> Cell:
    """A number with as many digits as were printed and one more, or what was seen in words."""
    value = as_float(row["measured"])
    if pd.isna(value):
        return text_cell(row["found"] or MISSING)
    digits = len(row["published"].partition("–")[0].partition(".")[2]) + 1
    within = interval(row["low"], row["high"], digits)
    return text_cell(f"{number(value, digits)}{unit}", note=f"{within}\n{row['found']}".strip())


CHAPTER = Chapter(
    anchor="audit",
    title="What was published, and what is measured here",
    pipeline="audit",
    tables=("published_audit",),
    tell=_tell,
)
