"""The chapter on what was published: every number and claim beside what was measured here."""

from __future__ import annotations

from typing import Any

import pandas as pd

from circuit_scaling.analysis.audit.published import ANY
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
from circuit_scaling.vocabulary import NAMES_IN_ORDER


def _tell(context: ReportContext) -> Told:
    """How many findings became what, and each of them, study by study."""
    audit = context.tables["published_audit"]
    in_general = audit["checkpoints"] == ANY
    sentences = [
        f"The two studies published {counted(len(audit), 'number')} and claims, which stand below"
        " one by one beside what the tables here give.",
        *_of_checkpoints(audit[~in_general]),
        *_of_any_models(audit[in_general]),
        *_not_right(audit),
        *_not_run(audit),
        *_other_task(audit[~in_general]),
    ]
    by_study = (_table(audit[audit["study"] == study], study) for study in STUDIES)
    return Told(sentences, (_summary(audit), *by_study, _definitions(audit)))


def _of_checkpoints(findings: pd.DataFrame) -> list[str]:
    if findings.empty:
        return []
    return [f"{_are(len(findings))} about certain checkpoints: {_outcomes(findings)}."]


def _of_any_models(claims: pd.DataFrame) -> list[str]:
    """Claims about models in general, which say nothing of the studies' own models."""
    if claims.empty:
        return []
    sentence = (
        f"{_are(len(claims))} about models in general, and judged on those that are here and can do"
        f" the tasks, whichever they are: {_outcomes(claims)}."
    )
    if (claims["outcome"] != REPRODUCED).all():
        return [sentence]
    return [
        sentence,
        "That a claim holds for the models here does not say that it holds for those of the"
        " studies.",
    ]


def _outcomes(findings: pd.DataFrame) -> str:
    """Such as ``3 reproduced, 120 not run``, in the order of the outcomes."""
    counts = findings["outcome"].value_counts()
    return ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in OUTCOMES if outcome in counts)


def _are(count: int) -> str:
    return f"{count:,} {'is' if count == 1 else 'are'}"


def _not_right(audit: pd.DataFrame) -> list[str]:
    """What follows from tables that cannot be right."""
    count = int((audit["outcome"] == CANNOT_BE_RIGHT).sum())
    if not count:
        return []
    return [
        f"{count:,} {'follows' if count == 1 else 'follow'} from the imported tables, and a check"
        " says that what they rest on cannot be right: they are no evidence."
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
    if task in (None, NAMES_IN_ORDER) or not judged.any():
        return []
    return [
        f"Anti-repetition is measured by {task}, in which either name may be repeated; in the study"
        f" it was always the first, which join.anti_names={NAMES_IN_ORDER} measures."
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
    names = ["claim, and where it stands", "published", "measured here", "outcome"]
    return Table(
        [*names, "why, or what to run"],
        [_cells(row) for row in rows],
        f"The study of {study}: {counted(len(rows), 'number')} and claims.",
        quiet=frozenset(at for at, row in enumerate(rows) if row["outcome"] == NOT_RUN),
        folded=True,
    )


def _definitions(audit: pd.DataFrame) -> Table:
    """What the findings are, those of one definition together."""
    rows = [
        (text_cell(definition), text_cell(", ".join(findings["id"])))
        for definition, findings in audit.groupby("definition", sort=False)
    ]
    caption = "What exactly reproduces them."
    return Table(("definition", "findings"), rows, caption, folded=True)


def _cells(row: dict[Any, Any]) -> tuple[Cell, ...]:
    unit = f" {row['unit']}" if row["unit"] else ""
    return (
        text_cell(row["claim"], note=f"{row['id']}\n" + row["source"].replace("; ", "\n")),
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
