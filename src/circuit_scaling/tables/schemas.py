"""The schemas of all tables, in the order in which the pipelines make them."""

from __future__ import annotations

from pandera.pandas import Check, Column

from circuit_scaling.tables.table import Table, count, flag, number, numbers, share, text
from circuit_scaling.vocabulary import ABLATION_MODES, CATEGORIES, POSITIONS, STUDY_TASKS

MODEL = {"family": text(), "model": text()}
HEAD = {**MODEL, "layer": count(), "head": count()}
SHAPE = {"n_layers": count(), "n_heads": count()}
PROFILE_COLUMNS = (
    "previous_token",
    "duplicate_token",
    "induction",
    "ov_copying",
    "attention_entropy",
    "output_norm",
)
HEAD_KEYS = ("family", "model", "layer", "head")
IMPORT_CHECKS = (
    "outside the shape",
    "duplicate heads",
    "same values in two models",
    "exact zeros",
    "missing heads",
    "not finite",
)


def _category_columns() -> dict[str, Column]:
    return {
        **{f"n_{c}": count() for c in CATEGORIES},
        **{f"frac_{c}": share() for c in CATEGORIES},
    }


def _correlation() -> Column:
    return Column(
        float, Check.between(-1 - 1e-9, 1 + 1e-9, error="not a correlation"), nullable=True
    )


ZOO_CURVES = Table(
    "zoo_curves",
    {"model": text(), "step": count(), "task": text(), "loss": number(at_least=0)},
    keys=("model", "step", "task"),
)
ZOO_ACCURACY = Table(
    "zoo_accuracy",
    {
        "model": text(),
        "task": text(),
        "objective": text("trained", "random", "untrained"),
        "accuracy": share(),
        "candidate_accuracy": share(),
        "n_prompts": count(),
    },
    keys=("model", "task"),
)
PROMPTS = Table(
    "prompts",
    {
        "prompt_id": text(),
        "task": text(),
        "template": text(),
        "order": text(),
        "text": text(),
        "tokens": numbers(),
        "answer": numbers(),
        "distractor": numbers(),
        "candidates": numbers(),
        "cluster": text(),
        "split": text("select", "test"),
        "data_seed": count(),
        "bos": flag(),
        "revision": text(),
        "fingerprint": text(),
    },
    keys=("prompt_id",),
)
HEAD_EFFECTS = Table(
    "head_effects",
    {
        **HEAD,
        "task": text(),
        "readout": text("contrast", "kl_to_clean", "token_loss"),
        "ablation": text(*ABLATION_MODES),
        "positions": text(*POSITIONS),
        "delta": number(),
        "se": number(nullable=True, at_least=0),
        "low": number(nullable=True),
        "high": number(nullable=True),
        "p": share(nullable=True),
        "q": share(nullable=True),
        "delta_logprob": number(nullable=True),
        "se_logprob": number(nullable=True, at_least=0),
        "n_prompts": count(),
        "n_clusters": count(),
        **SHAPE,
        "clean_metric": number(),
        "effects": numbers(),
        "fingerprint": text(),
    },
    keys=(*HEAD_KEYS, "task", "ablation", "positions"),
    every_head=True,
    lengths={"effects": "n_prompts"},
)
HEAD_ATTRIBUTIONS = Table(
    "head_attributions",
    {
        **HEAD,
        "task": text(),
        "method": text("attribution"),
        "ablation": text(*ABLATION_MODES),
        "positions": text(*POSITIONS),
        "delta": number(),
        "n_prompts": count(),
        **SHAPE,
        "fingerprint": text(),
    },
    keys=(*HEAD_KEYS, "task", "ablation", "positions"),
    may_be_empty=True,
    every_head=True,
)
COMPETENCE = Table(
    "competence",
    {
        **MODEL,
        "task": text(),
        "readout": text("contrast", "kl_to_clean", "token_loss"),
        "clean_metric": number(),
        "se": number(nullable=True, at_least=0),
        "low": number(nullable=True),
        "high": number(nullable=True),
        "accuracy": share(nullable=True),
        "candidate_accuracy": share(nullable=True),
        "n_prompts": count(),
        "n_clusters": count(),
        "competent": flag(nullable=True),
    },
    keys=("family", "model", "task"),
    may_be_empty=True,
)
HEAD_PROFILES = Table(
    "head_profiles",
    {**HEAD, **SHAPE, **{name: number() for name in PROFILE_COLUMNS}, "fingerprint": text()},
    keys=HEAD_KEYS,
    every_head=True,
)
RUN_LOG = Table(
    "run_log",
    {
        "stage": text(),
        "model": text(),
        "seconds": number(at_least=0),
        "peak_memory_mb": number(at_least=0),
        "device": text(),
        "threads": count(),
        "chunk": count(),
        "counted": text("heads", "sets of heads", "patched runs and paths"),
        "per_second": number(at_least=0),
        "versions": text(),
    },
    keys=("stage", "model"),
    may_be_empty=True,
)
_JOINT = {
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
    "q_ioi": share(nullable=True),
    "q_anti_names": share(nullable=True),
    **{name: number(nullable=True) for name in PROFILE_COLUMNS},
    "suspect": text(),
    "bos": flag(nullable=True),
    "revision": text(),
    "fingerprint": text(),
}
JOINT_HEADS = Table("joint_heads", _JOINT, keys=HEAD_KEYS)
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
IMPORT_FINDINGS = Table(
    "import_findings",
    {
        **MODEL,
        "check": text(*IMPORT_CHECKS),
        "outcome": text("passed", "suspect", "not possible"),
        "column": text(),
        "n_rows": count(),
        "examples": text(),
        "detail": text(),
        "cause": text(),
        "fingerprint": text(),
    },
    keys=("family", "model", "check", "column"),
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
CLASSIFIED_HEADS = Table(
    "classified_heads",
    {
        **_JOINT,
        "category": text(*CATEGORIES),
        "strength": number(at_least=0),
        "strength_select": number(at_least=0),
        "category_stability": share(nullable=True),
        "resolved": flag(nullable=True),
        "competent_ioi": flag(nullable=True),
        "competent_anti": flag(nullable=True),
    },
    keys=HEAD_KEYS,
)
HEAD_CATEGORY_SUMMARY = Table(
    "head_category_summary",
    {
        **MODEL,
        "params_m": number(nullable=True, at_least=0),
        "n_heads_total": count(),
        **_category_columns(),
        **{f"frac_{c}_{end}": share(nullable=True) for c in CATEGORIES for end in ("low", "high")},
        "frac_resolved": share(nullable=True),
        "minimal_detectable_ioi": number(nullable=True, at_least=0),
        "minimal_detectable_anti": number(nullable=True, at_least=0),
        "prompts_to_resolve_tau": number(nullable=True, at_least=0),
    },
    keys=("family", "model"),
)
CATEGORY_SENSITIVITY = Table(
    "category_sensitivity",
    {
        **MODEL,
        "basis": text("delta", "relative"),
        "tau": number(at_least=0),
        **_category_columns(),
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
        "pearson": number(nullable=True),
        "p_pearson": share(nullable=True),
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
CORR_VS_SCALE = Table(
    "corr_vs_scale",
    {
        **MODEL,
        "params_m": number(nullable=True, at_least=0),
        "corr": _correlation(),
        "n_heads_compared": count(),
        "n_heads_effective": number(nullable=True, at_least=1 - 1e-9),
        "spearman": _correlation(),
        "corr_true": number(nullable=True),
        "corr_true_low": _correlation(),
        "corr_true_high": _correlation(),
        "undefined": text(),
        "minimal_detectable": share(nullable=True),
        "p": share(nullable=True),
        "reliability_ioi": number(nullable=True),
        "reliability_anti": number(nullable=True),
        "ceiling": share(nullable=True),
        "n_clusters_ioi": count(),
        "n_clusters_anti": count(),
        "competent_ioi": flag(nullable=True),
        "competent_anti": flag(nullable=True),
        "frac_resolved": share(nullable=True),
    },
    keys=("family", "model"),
)
STRONG_HEAD_SCALING = Table(
    "strong_head_scaling",
    {
        **MODEL,
        "params_m": number(nullable=True, at_least=0),
        "tau": number(at_least=0),
        "n_heads_total": count(),
        **_category_columns(),
        "n_strong": count(),
        "frac_strong": share(),
        **{
            f"frac_{c}_{end}": share(nullable=True)
            for c in (*CATEGORIES, "strong")
            for end in ("low", "high")
        },
    },
    keys=("family", "model", "tau"),
)
LAYER_PROFILE = Table(
    "layer_profile",
    {
        **MODEL,
        "params_m": number(nullable=True, at_least=0),
        "category": text(*CATEGORIES),
        "bin": count(),
        "depth_low": share(),
        "depth_high": share(),
        "n_heads_in_bin": count(),
        "n_category": count(),
        "frac_category": share(nullable=True),
        "mean_depth": share(nullable=True),
        "mean_depth_low": number(nullable=True),
        "mean_depth_high": number(nullable=True),
    },
    keys=("family", "model", "category", "bin"),
    may_be_empty=True,
)
SCALE_TREND = Table(
    "scale_trend",
    {
        "family": text(),
        "measure": text("corr_true", "corr", "frac_strong"),
        "n_models": count(),
        "n_left_out": count(),
        "slope": number(nullable=True),
        "se": number(nullable=True, at_least=0),
        "low": number(nullable=True),
        "high": number(nullable=True),
    },
    keys=("family", "measure"),
)
CONTROL_MODELS = Table(
    "control_models",
    {
        **MODEL,
        "task": text(),
        "order_balanced": flag(),
        "clean_metric": number(),
        "low": number(nullable=True),
        "high": number(nullable=True),
        "competent": flag(nullable=True),
        "n_heads_total": count(),
        "n_significant": count(nullable=True),
        "n_strong": count(),
        "strongest": number(at_least=0),
    },
    keys=("family", "model", "task"),
    may_be_empty=True,
)
