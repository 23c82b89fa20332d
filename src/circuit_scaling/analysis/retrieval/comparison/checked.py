"""What checks say of rankings and ablation results, as a list for people and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from circuit_scaling.analysis.suspicions import as_list
from circuit_scaling.tables.retrieval import RETRIEVAL_CHECKS
from circuit_scaling.vocabulary import EVERY_QUESTION, first_few

Outcome = Literal["passed", "noted", "suspect", "not possible"]
TableName = Literal["head_rankings", "ablation_results"]
_SHOWN = 3


@dataclass(frozen=True)
class Checked:
    """What one check says of some rows of a table.

    Attributes:
        where: which rows, such as ``qrhead, mini_llama``; empty for the whole table.
        n_rows: how many rows, or how many are missing.
        detail: how much is concerned, or why the check was not possible.
        cause: the likely one.
    """

    table: TableName
    check: str
    where: str = ""
    n_rows: int = 0
    detail: str = ""
    cause: str = ""
    outcome: Outcome = "suspect"


def suspects(checked: Iterable[Checked]) -> list[Checked]:
    """Those that hold something suspect, check by check."""
    return of_outcome(checked, "suspect")


def of_outcome(checked: Iterable[Checked], outcome: Outcome) -> list[Checked]:
    """Those with this outcome, check by check."""
    found = [one for one in checked if one.outcome == outcome]
    order = {(one.table, one.check): place for place, one in enumerate(reversed(found))}
    return sorted(found, key=lambda one: (-order[one.table, one.check], one.cause))


def as_text(checked: Iterable[Checked], outcome: Outcome = "suspect") -> str:
    """One heading per check and likely cause, one line for the rows of each method and model."""
    return as_list(
        (
            f"{one.check} ({one.table})",
            one.cause,
            f"{one.where}: {one.detail}" if one.where else one.detail,
        )
        for one in of_outcome(checked, outcome)
    )


def as_table(checked: Iterable[Checked]) -> pd.DataFrame:
    """``retrieval_checks``: a row for each outcome."""
    return RETRIEVAL_CHECKS.typed(
        pd.DataFrame([vars(one) for one in checked], columns=list(RETRIEVAL_CHECKS.columns))
    )


def outcome_of(
    table: TableName, check: str, found: Sequence[Checked], *, looked_at: bool, why_not: str = ""
) -> list[Checked]:
    """What a check found; where it found nothing, that it passed, or why it was not possible.

    Args:
        looked_at: whether there was anything to look at.
        why_not: the reason where there was not.
    """
    if found:
        return list(found)
    if looked_at:
        return [Checked(table, check, outcome="passed")]
    return [Checked(table, check, detail=why_not, outcome="not possible")]


def configuration(question: object, token_length: object) -> str:
    """A question at a length in words, such as ``inc_year at 256 tokens``."""
    asked = "" if question == EVERY_QUESTION else str(question)
    length = f"{token_length} tokens" if token_length else ""
    return " at ".join(part for part in (asked, length) if part) or "its only ranking"


def some(names: Iterable[object]) -> str:
    """The first few of the names, each once, and how many more there are."""
    return first_few(list(dict.fromkeys(map(str, names))), _SHOWN)


def heads_of(rows: pd.DataFrame) -> list[str]:
    """The heads of some rows, such as ``L3H5``."""
    pairs = zip(rows["layer"], rows["head"], strict=True)
    return [f"L{int(layer)}H{int(head)}" for layer, head in pairs]


def by_model(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each method and model, with both names."""
    for (method, model), rows in table.groupby(["method", "model"], sort=False):
        yield f"{method}, {model}", rows


def asked(rows: pd.DataFrame) -> str:
    """The first few questions and lengths that some rows are about."""
    pairs = zip(rows["question"], rows["token_length"], strict=True)
    return some(configuration(question, length) for question, length in pairs)
