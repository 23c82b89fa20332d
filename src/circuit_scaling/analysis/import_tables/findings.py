"""What the checks of an imported table found, as a message, as a table, and as marks on rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from circuit_scaling.analysis.suspicions import as_list
from circuit_scaling.tables.import_tables import IMPORT_CHECKS
from circuit_scaling.vocabulary import first_few

_SHOWN = 3
Head = tuple[int, int]


@dataclass(frozen=True)
class Finding:
    """What one check says of one model.

    Attributes:
        check: one of ``IMPORT_CHECKS``.
        heads: (layer, head) of the rows concerned, or of the rows that should be there.
        detail: how much of the model is concerned.
        cause: the likely one.
        column: the effects concerned, where it is one of the two.
        whole_model: whether every row of the model is in doubt, not only those of ``heads``.
    """

    check: str
    model: str
    heads: tuple[Head, ...] = ()
    detail: str = ""
    cause: str = ""
    column: str = ""
    whole_model: bool = False
    outcome: Literal["passed", "suspect", "not possible"] = "suspect"

    @property
    def examples(self) -> str:
        """The first few heads."""
        names = [f"L{layer}H{head}" for layer, head in dict.fromkeys(self.heads)]
        return first_few(names, _SHOWN)

    @property
    def title(self) -> str:
        """The check, with the column that it is about."""
        return f"{self.check} ({self.column})" if self.column else self.check


def suspects(findings: Sequence[Finding]) -> list[Finding]:
    """Those that hold something suspect, in the order of the checks."""
    found = [finding for finding in findings if finding.outcome == "suspect"]
    return sorted(found, key=lambda finding: IMPORT_CHECKS.index(finding.check))


def as_text(findings: Sequence[Finding], called: Mapping[str, str]) -> str:
    """One heading per check and likely cause, one line per model below it.

    Args:
        called: effects -> what the given files call them.
    """

    def theirs(words: str) -> str:
        return " ".join(called.get(word, word) for word in words.split(" "))

    return as_list(
        (
            finding.check,
            finding.cause,
            f"{finding.model}{f', {theirs(finding.column)}' if finding.column else ''}: "
            f"{theirs(finding.detail)} ({finding.examples})",
        )
        for finding in suspects(findings)
    )


def as_table(
    findings: Sequence[Finding], families: Mapping[str, str], fingerprints: Mapping[str, str]
) -> pd.DataFrame:
    """``import_findings``: the outcome of every check for every model, passed ones included."""
    rows = []
    for model, family in families.items():
        for check in IMPORT_CHECKS:
            of_check = [f for f in findings if f.model == model and f.check == check]
            rows += [
                {
                    "family": family,
                    "model": model,
                    "check": check,
                    "outcome": finding.outcome,
                    "column": finding.column,
                    "n_rows": len(finding.heads),
                    "examples": finding.examples,
                    "detail": finding.detail,
                    "cause": finding.cause,
                    "fingerprint": fingerprints[model],
                }
                for finding in of_check or [Finding(check, model, outcome="passed")]
            ]
    return pd.DataFrame(rows)


def marks(findings: Sequence[Finding], table: pd.DataFrame) -> list[str]:
    """For every row of ``table`` what is suspect about it; empty text where nothing is."""
    found = suspects(findings)
    keys = table[["model", "layer", "head"]].itertuples(index=False, name=None)
    return ["; ".join(_about(found, model, (layer, head))) for model, layer, head in keys]


def _about(found: Sequence[Finding], model: str, head: Head) -> Iterator[str]:
    for finding in found:
        if finding.model == model and (finding.whole_model or head in finding.heads):
            yield finding.title
