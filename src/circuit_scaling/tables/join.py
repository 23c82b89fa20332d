"""The schemas of the joined tables: what everything downstream reads."""

from __future__ import annotations

from circuit_scaling.tables import scan
from circuit_scaling.tables.columns import (
    HEAD,
    HEAD_KEYS,
    MODEL,
    PROFILE_COLUMNS,
    count,
    flag,
    number,
    share,
    text,
)
from circuit_scaling.tables.table import Table
from circuit_scaling.vocabulary import ABLATION_MODES, POSITIONS, STUDY_TASKS

JOINT_COLUMNS = {
    **HEAD,
    "params_m": number(nullable=True, at_least=0),
    "n_layers": count(nullable=True),
    "n_heads": count(nullable=True),
    **{
        f"delta_{task}{side}": number() for task in STUDY_TASKS for side in ("", "_select", "_test")
    },
    "se_ioi": number(nullable=True, at_least=0),
    "se_anti_names": number(nullable=True, at_least=0),
    r"^delta_(?!(ioi|anti_names)(_select|_test)?$)\w+$": number(
        nullable=True, required=False, regex=True
    ),
    r"^se_(?!(ioi|anti_names)$)\w+$": number(nullable=True, at_least=0, required=False, regex=True),
    r"^(low|high)_\w+$": number(nullable=True, required=False, regex=True),
    r"^n_prompts_\w+$": count(nullable=True, required=False, regex=True),
    "q_ioi": share(nullable=True),
    "q_anti_names": share(nullable=True),
    **{name: number(nullable=True) for name in PROFILE_COLUMNS},
    "suspect": text(),
    "bos": flag(nullable=True),
    "revision": text(),
    "fingerprint": text(),
}
JOINT_PROMPTS = Table(
    "joint_prompts", {**MODEL, **scan.PROMPTS.columns}, keys=("family", "model", *scan.PROMPTS.keys)
)
JOINT_HEADS = Table("joint_heads", JOINT_COLUMNS, keys=HEAD_KEYS)
JOINT_EFFECTS = Table(
    "joint_effects",
    {
        **HEAD,
        "task": text(),
        "cluster": text(),
        "split": text("select", "test"),
        "effect": number(),
        "n_prompts": count(),
    },
    keys=(*HEAD_KEYS, "task", "cluster"),
    may_be_empty=True,
)
ABLATION_AGREEMENT = Table(
    "ablation_agreement",
    {
        **MODEL,
        "task": text(),
        "ablation_a": text(*ABLATION_MODES),
        "positions_a": text(*POSITIONS),
        "ablation_b": text(*ABLATION_MODES),
        "positions_b": text(*POSITIONS),
        "n_heads_compared": count(),
        "spearman": number(nullable=True),
        "category_changes": count(nullable=True),
    },
    keys=("family", "model", "task", "ablation_a", "positions_a", "ablation_b", "positions_b"),
    may_be_empty=True,
)
ATTRIBUTION_AGREEMENT = Table(
    "attribution_agreement",
    {
        **MODEL,
        "task": text(),
        "ablation": text(*ABLATION_MODES),
        "positions": text(*POSITIONS),
        "n_heads_compared": count(),
        "spearman": number(nullable=True),
        "pearson": number(nullable=True),
        "top_k": count(),
        "top_overlap": share(nullable=True),
    },
    keys=("family", "model", "task", "ablation", "positions"),
    may_be_empty=True,
)
