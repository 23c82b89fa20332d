"""The schemas of categories, hero heads and known heads."""

from __future__ import annotations

from pandera.pandas import Check, Column

from circuit_scaling.tables.columns import (
    HEAD,
    HEAD_KEYS,
    MODEL,
    category_columns,
    count,
    flag,
    number,
    share,
    text,
    true_shares,
)
from circuit_scaling.tables.join import JOINT_COLUMNS
from circuit_scaling.tables.table import Table
from circuit_scaling.vocabulary import CATEGORIES, STUDY_TASKS

CLASSIFIED_HEADS = Table(
    "classified_heads",
    {
        **JOINT_COLUMNS,
        "category": text(*CATEGORIES),
        "category_select": text(*CATEGORIES),
        "strength": number(at_least=0),
        "strength_select": number(at_least=0),
        "category_stability": share(nullable=True),
        "stability_select": share(nullable=True),
        "resolved": flag(nullable=True),
        "competent_ioi": flag(nullable=True),
        "competent_anti_names": flag(nullable=True),
    },
    keys=HEAD_KEYS,
)
HEAD_CATEGORY_SUMMARY = Table(
    "head_category_summary",
    {
        **MODEL,
        "params_m": number(nullable=True, at_least=0),
        "n_heads_total": count(),
        **category_columns(),
        **true_shares(*CATEGORIES),
        "shares_unknown": text(),
        "frac_resolved": share(nullable=True),
        "minimal_detectable_ioi": number(nullable=True, at_least=0),
        "minimal_detectable_anti_names": number(nullable=True, at_least=0),
        "template_variance_ioi": number(nullable=True, at_least=0),
        "template_variance_anti_names": number(nullable=True, at_least=0),
    },
    keys=("family", "model"),
)
BOTH = "both"
"""In the place of a task: on both tasks of the study together."""
RESOLVED_SHARES = (0.5, 0.8, 0.95)
"""The shares of heads of which the prompts that resolve them are told."""
PROMPTS_NEEDED = Table(
    "prompts_needed",
    {
        **MODEL,
        "task": text(*STUDY_TASKS, BOTH),
        "n_prompts": count(),
        "frac_resolved": share(nullable=True),
        **{f"prompts_{100 * s:.0f}": count(nullable=True) for s in RESOLVED_SHARES},
        "most_prompts": number(nullable=True, at_least=0),
    },
    keys=("family", "model", "task"),
    may_be_empty=True,
)
NAME_ORDER = Table(
    "name_order",
    {
        **HEAD,
        "delta_anti_names": number(),
        "delta_anti_names_first": number(),
        "difference": number(),
        "low": number(nullable=True),
        "high": number(nullable=True),
        "q": share(nullable=True),
        "n_clusters": count(),
        "category": text(*CATEGORIES),
        "category_first": text(*CATEGORIES),
    },
    keys=HEAD_KEYS,
    may_be_empty=True,
)
CATEGORY_SENSITIVITY = Table(
    "category_sensitivity",
    {
        **MODEL,
        "basis": text("delta", "relative"),
        "tau": number(at_least=0),
        **category_columns(),
    },
    keys=("family", "model", "basis", "tau"),
)
HERO_HEADS = Table(
    "hero_heads",
    {
        **HEAD,
        "category": text(*CATEGORIES),
        "rank": count(),
        "delta_ioi": number(),
        "delta_anti_names": number(),
        "se_ioi": number(nullable=True, at_least=0),
        "se_anti_names": number(nullable=True, at_least=0),
        "strength": number(at_least=0),
        "strength_select": number(at_least=0),
        "delta_ioi_test": number(),
        "delta_anti_names_test": number(),
        "category_stability": share(nullable=True),
    },
    keys=HEAD_KEYS,
    may_be_empty=True,
)
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
