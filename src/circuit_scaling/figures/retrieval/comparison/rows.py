"""Findings with the parts of their ``group`` as columns."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from circuit_scaling.figures.style import require_columns

KEYS: dict[str, tuple[str, ...]] = {
    "q1_mean_drop": ("question", "k"),
    "q2_jaccard_of_unions": ("kind",),
    "q3_drop_mean": ("kind",),
    "q3_drop_sd": ("kind",),
    "q2_union_chance": ("kind",),
    "q4_head_frequency": ("question", "head"),
    "q4_layer_frequency": ("question", "layer"),
    "question_union_jaccard": ("question", "other"),
    "f1_mean_rank": ("method", "head"),
    "f1_consensus": ("head",),
    "f2_layer_share": ("method", "layer"),
    "f3_specialist_rank": ("method", "head", "question"),
    "f3_other_rank": ("method", "head", "question"),
    "f4_rank_change": ("method", "head"),
    "f5_rank_sd": ("method", "head"),
    "f5_rank_min": ("method", "head"),
    "f5_rank_max": ("method", "head"),
    "f6_gap": ("method",),
    "f7_overlap_mean": ("axis",),
    "f7_overlap_sd": ("axis",),
    "question_overlap": ("method", "model", "question", "other"),
    "length_overlap": ("method", "model", "token_length", "other"),
    "method_overlap": ("method", "other"),
    "model_overlap": ("method", "question"),
    "method_pair_jaccard_of_unions": ("method", "other"),
    "method_pair_chance": ("method", "other"),
    "universal_share": ("method", "head"),
    "universal_share_chance": ("method",),
    "drop_at_k": ("method", "question", "k"),
    "random_drop_at_k": ("method", "question", "k"),
    "drop_at_k_by_method": ("method", "k"),
    "random_drop_at_k_by_method": ("method", "k"),
    "relative_drop_at_k_by_model": ("model", "k"),
    "relative_drop_at_k_by_length": ("token_length", "k"),
    "drop_at_k_by_model": ("model", "k"),
    "drop_at_k_by_length": ("token_length", "k"),
    "drop_beyond_random_at_k": ("method", "k"),
    "relative_drop_at_k_by_method": ("method", "k"),
    "ranking_ceiling": ("method",),
    "gini": ("method",),
}
"""What the parts of a group are, finding by finding, for those that figures and pages show."""

_WHOLE = {"k", "layer", "token_length"}
_VALUES = ["value", "ci_low", "ci_high", "n"]


def of_finding(retrieval_findings: pd.DataFrame, finding: str) -> pd.DataFrame:
    """The rows of one finding: its keys as columns, then value, ci_low, ci_high, n.

    Heads stay names such as ``L3H5``; numbers of heads, layers and lengths become integers. Without
    such a finding there are no rows.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(retrieval_findings, ["finding", "group", *_VALUES], finding)
    rows = retrieval_findings[retrieval_findings["finding"] == finding]
    keys = KEYS[finding]
    parts = [str(group).split("|") for group in rows["group"]]
    split = pd.DataFrame(parts, columns=list(keys), dtype=object)
    whole = _WHOLE | ({"other"} if "token_length" in keys else set())
    for name in whole & set(keys):
        split[name] = split[name].astype(int)
    return pd.concat([split, rows[_VALUES].reset_index(drop=True)], axis=1)


def places(heads: pd.Series) -> tuple[list[int], list[int]]:
    """Layers and heads of names such as ``L3H5``."""
    pairs = [str(name)[1:].split("H") for name in heads]
    return [int(layer) for layer, _ in pairs], [int(head) for _, head in pairs]


def level_of(
    retrieval_findings: pd.DataFrame, finding: str, rows: pd.DataFrame, keys: Sequence[str]
) -> list[float]:
    """The value of a finding, such as a chance level, for the same keys; NaN where none."""
    told = retrieval_findings[retrieval_findings["finding"] == finding]
    values = dict(zip(told["group"], told["value"], strict=True))
    groups = ["|".join(map(str, parts)) for parts in rows[list(keys)].itertuples(index=False)]
    return [float(values.get(group, math.nan)) for group in groups]
