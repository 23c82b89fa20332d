"""The schemas of the transfer between models."""

from __future__ import annotations

from circuit_scaling.tables.columns import count, flag, number, share, text
from circuit_scaling.tables.table import Table
from circuit_scaling.vocabulary import CATEGORIES, STUDY_TASKS

PAIR = {"base_family": text(), "base_model": text(), "tgt_family": text(), "tgt_model": text()}
_NAME_TASK = text(*STUDY_TASKS)
_P_AND_Q = {
    f"{kind}{letter}{where}": share(nullable=True)
    for kind, where in (
        *(("", ""), ("", "_same_layer"), ("depth_", ""), ("depth_best_", "")),
        *(("matched_", ""), ("matched_", "_same_layer")),
    )
    for letter in ("p", "q")
}
TRANSFER_HEADS = Table(
    "transfer_heads",
    {
        **PAIR,
        "task": _NAME_TASK,
        "base_rank": count(),
        "layer": count(),
        "head": count(),
        "base_category": text(*CATEGORIES),
        "base_abs_delta": number(at_least=0),
        "tgt_abs_delta": number(nullable=True, at_least=0),
        "tgt_frac_rank": share(nullable=True),
        "in_target": text("present", "outside_shape", "not_measured", "unknown_shape"),
        "depth_layer": count(nullable=True),
        "depth_frac_rank": share(nullable=True),
        "depth_best_frac_rank": share(nullable=True),
        "matched_layer": count(nullable=True),
        "matched_head": count(nullable=True),
        "matched_frac_rank": share(nullable=True),
    },
    keys=(*PAIR, "task", "layer", "head"),
    may_be_empty=True,
)
TRANSFER_SUMMARY = Table(
    "transfer_summary",
    {
        **PAIR,
        "task": _NAME_TASK,
        "n_base_heads": count(),
        "n_present": count(),
        "n_target_heads": count(),
        "mean_frac_rank": share(nullable=True),
        **{
            f"{kind}{measure}": share(nullable=True)
            for kind in ("", "matched_")
            for measure in (
                "low",
                "high",
                "expected",
                "null_low",
                "null_high",
                "expected_same_layer",
            )
        },
        **{
            f"frac_{reason}": share(nullable=True)
            for reason in ("missing", "outside_shape", "not_measured", "unknown_shape")
        },
        "n_at_depth": count(),
        "depth_frac_rank": share(nullable=True),
        "depth_expected": share(nullable=True),
        "depth_best_frac_rank": share(nullable=True),
        "depth_best_expected": share(nullable=True),
        "n_matched": count(),
        "matched_frac_rank": share(nullable=True),
        **_P_AND_Q,
        "base_competent": flag(nullable=True),
        "tgt_competent": flag(nullable=True),
    },
    keys=(*PAIR, "task"),
    may_be_empty=True,
)
HEAD_MATCHING = Table(
    "head_matching",
    {
        **PAIR,
        "task": _NAME_TASK,
        "n_base_heads": count(),
        "n_target_heads": count(),
        "n_matched": count(),
        "spearman": number(nullable=True),
        "p_spearman": share(nullable=True),
        "q_spearman": share(nullable=True),
        "pearson": number(nullable=True),
        "p_pearson": share(nullable=True),
        "q_pearson": share(nullable=True),
        "reason": text(),
    },
    keys=(*PAIR, "task"),
    may_be_empty=True,
)
HEAD_DIVERGENCE = Table(
    "head_divergence",
    {
        **PAIR,
        "layer": count(),
        "head": count(),
        "base_category": text("ioi_only", "shared"),
        "tgt_category": text(*CATEGORIES, "missing"),
        "divergence": text("conserved", "inverted", "lost", "missing"),
        **{f"chance_{fate}": share() for fate in ("conserved", "inverted", "lost")},
    },
    keys=(*PAIR, "layer", "head"),
    may_be_empty=True,
)
