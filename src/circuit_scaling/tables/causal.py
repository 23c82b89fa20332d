"""The schemas of causal tracing: per model, and put together."""

from __future__ import annotations

from dataclasses import replace

from pandera.pandas import Column

from circuit_scaling.tables import scan
from circuit_scaling.tables.columns import (
    HEAD,
    HEAD_KEYS,
    MODEL,
    PROFILE_COLUMNS,
    SHAPE,
    correlation,
    count,
    flag,
    number,
    numbers,
    share,
    text,
)
from circuit_scaling.tables.table import Table
from circuit_scaling.vocabulary import CATEGORIES, STUDY_TASKS

ROLES = ("first_name", "second_name", "repeated_name", "first_token", "rest")
VERDICTS = ("does it itself", "routes", "mixed", "unclear")
GROUPS = ("ioi_only", "anti_only", "shared", "late shared")
_TASK = text(*STUDY_TASKS)
_DIRECTION = text("denoising", "noising")
_COUNTS = {"n_prompts": count(), "n_clusters": count()}


def _measured(name: str, nullable: bool = False) -> dict[str, Column]:
    """A value with the ends of its interval, which may be missing."""
    return {
        name: number(nullable=nullable),
        f"{name}_low": number(nullable=True),
        f"{name}_high": number(nullable=True),
    }


_Z = ("influence", "normalised", "direct", "indirect")
_V = ("influence", "normalised")

CAUSAL_TRACES = Table(
    "causal_traces",
    {
        **HEAD,
        **SHAPE,
        "category": text(*CATEGORIES),
        "hero": flag(),
        "task": _TASK,
        "direction": _DIRECTION,
        "part": text("z", "v"),
        **_COUNTS,
        "m_clean": number(),
        "m_corrupt": number(),
        "influence": number(),
        "se": number(nullable=True, at_least=0),
        "low": number(nullable=True),
        "high": number(nullable=True),
        "p": share(nullable=True),
        "q": share(nullable=True),
        **_measured("normalised", nullable=True),
        **_measured("direct", nullable=True),
        **_measured("indirect", nullable=True),
        "self_repair": share(nullable=True),
        "influences": numbers(),
        "fingerprint": text(),
    },
    keys=(*HEAD_KEYS, "task", "direction", "part"),
    may_be_empty=True,
    lengths={"influences": "n_prompts"},
)
HEAD_READS = Table(
    "head_reads",
    {
        **HEAD,
        **SHAPE,
        "category": text(*CATEGORIES),
        "hero": flag(),
        "task": _TASK,
        **_COUNTS,
        **{name: column for role in ROLES for name, column in _measured(role, True).items()},
        **{name: number() for name in PROFILE_COLUMNS},
        "fingerprint": text(),
    },
    keys=(*HEAD_KEYS, "task"),
    may_be_empty=True,
    every_head=True,
)
HEAD_WRITES = Table(
    "head_writes",
    {
        **HEAD,
        "category": text(*CATEGORIES),
        "task": _TASK,
        "destination": text("logits", "head", "category"),
        "receiver_layer": count(nullable=True),
        "receiver_head": count(nullable=True),
        "channel": text("", "q", "k", "v"),
        "receiver_category": text("", *CATEGORIES),
        **_COUNTS,
        "total": number(),
        "effect": number(),
        "low": number(nullable=True),
        "high": number(nullable=True),
        **_measured("share", nullable=True),
        "n_receivers": count(),
        "n_possible": count(),
        "fingerprint": text(),
    },
    keys=(
        *(*HEAD_KEYS, "task", "destination"),
        *("receiver_layer", "receiver_head", "channel", "receiver_category"),
    ),
    may_be_empty=True,
)
_BOTH = {
    f"{name}_{side}": column
    for side in ("a", "b")
    for name, column in {
        "layer": count(),
        "head": count(),
        "category": text(*CATEGORIES),
        "effect": number(),
    }.items()
}
HERO_PAIRS = Table(
    "hero_pairs",
    {
        **MODEL,
        **_BOTH,
        "task": _TASK,
        "direction": _DIRECTION,
        **_COUNTS,
        "sum": number(),
        **_measured("joint"),
        **_measured("interaction"),
        "p": share(nullable=True),
        "q": share(nullable=True),
        "fingerprint": text(),
    },
    keys=(*MODEL, "layer_a", "head_a", "layer_b", "head_b", "task", "direction"),
    may_be_empty=True,
)
CAUSAL_SUMMARY = Table(
    "causal_summary",
    {
        **HEAD,
        "category": text(*CATEGORIES),
        "rank": count(),
        "task": _TASK,
        "delta": number(),
        "strength": number(at_least=0),
        "competent": flag(nullable=True),
        **_COUNTS,
        "m_clean": number(),
        "m_corrupt": number(),
        **{
            f"{direction}_{column}": kind
            for direction in ("denoising", "noising")
            for prefix, names in (("", _Z), ("v_", _V))
            for name in names
            for column, kind in {
                **_measured(f"{prefix}{name}", nullable=name != "influence"),
                **({f"{prefix}q": share()} if name == "influence" else {}),
            }.items()
        },
        "denoising_self_repair": share(nullable=True),
        "noising_self_repair": share(nullable=True),
        "verdict": text(*VERDICTS),
        "routes_into": text(),
        **_measured("share_logits", nullable=True),
        **{
            n: c for category in CATEGORIES for n, c in _measured(f"share_{category}", True).items()
        },
        "n_receivers": count(),
        "n_possible": count(),
        "fingerprint": text(),
    },
    keys=(*HEAD_KEYS, "task"),
    may_be_empty=True,
)
HERO_SIMILARITY = Table(
    "hero_similarity",
    {
        "group": text(*GROUPS),
        "scope": text("within families", "across families", "two families"),
        "family_a": text(),
        "family_b": text(),
        "n_heroes": count(),
        "n_pairs": count(),
        "similarity": correlation(),
        "expected": correlation(),
        "null_low": correlation(),
        "null_high": correlation(),
        "p": share(nullable=True),
        "q": share(nullable=True),
    },
    keys=("group", "scope", "family_a", "family_b"),
    may_be_empty=True,
)
CAUSAL_LOG = replace(scan.RUN_LOG, name="causal_log")
