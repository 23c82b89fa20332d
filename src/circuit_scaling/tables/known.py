"""The schema of the heads whose roles are published."""

from __future__ import annotations

from pandera.pandas import Check, Column

from circuit_scaling.tables.schemas import HEAD, HEAD_KEYS
from circuit_scaling.tables.table import Table, count, flag, number, share, text

VERDICTS = (
    "as expected",
    "against expectation",
    "not resolved",
    "no expectation",
    "not measured",
    "outside the shape",
)
KNOWN_HEADS = Table(
    "known_heads",
    {
        **HEAD,
        "checkpoint": text(),
        "role": text(),
        "reads_at": text(),
        "expected_sign": Column(float, Check.isin([-1.0, 1.0], error="not -1 or 1"), nullable=True),
        "published_score": number(nullable=True),
        "delta_ioi": number(nullable=True),
        "se_ioi": number(nullable=True, at_least=0),
        "low": number(nullable=True),
        "high": number(nullable=True),
        "q_ioi": share(nullable=True),
        "rank": count(nullable=True),
        "n_heads_measured": count(),
        "sign_as_expected": flag(nullable=True),
        "verdict": text(*VERDICTS),
        "source": text(),
    },
    keys=(*HEAD_KEYS, "role"),
    may_be_empty=True,
)
