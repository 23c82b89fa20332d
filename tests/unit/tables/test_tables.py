"""Every table's schema: what passes, and refusals that name table, column and rows."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.tables.causal import GROUPS, ROLES, VERDICTS
from circuit_scaling.tables.classify import VERDICTS as KNOWN_VERDICTS
from circuit_scaling.tables.columns import PROFILE_COLUMNS
from circuit_scaling.tables.import_tables import IMPORT_CHECKS
from circuit_scaling.tables.join import JOINT_HEADS
from circuit_scaling.tables.registry import ALL_TABLES
from circuit_scaling.tables.scan import PROMPTS
from circuit_scaling.tables.table import Table, TableError
from circuit_scaling.vocabulary import CATEGORIES

NAN = np.nan
MODEL = {"family": "mini", "model": "mini_s"}
HEAD = {**MODEL, "layer": [0, 0, 1, 1], "head": [0, 1, 0, 1]}
SHAPE = {"n_layers": 2, "n_heads": 2}
PROFILES = {name: [0.1, 0.2, 0.3, 0.4] for name in PROFILE_COLUMNS}
MEASURED = {
    "delta": [-0.5, 0.1, 0.0, 2.5],
    "se": [0.1, NAN, 0.0, 0.3],
    "low": [-0.7, NAN, -0.1, 2.0],
    "high": [-0.3, NAN, 0.1, 3.0],
}
COUNTED = {
    **{f"n_{c}": [1, 0, 2, 3] for c in CATEGORIES},
    **{f"frac_{c}": [0.25, 0.0, 0.5, 1.0] for c in CATEGORIES},
}
JOINT = {
    **HEAD,
    "params_m": [124.0, NAN, 0.3, 0.3],
    "n_layers": [2.0, 2.0, 2.0, NAN],
    "n_heads": [2.0, 2.0, 2.0, NAN],
    **{
        f"delta_{task}{side}": [-0.5, 0.1, 0.0, 2.5]
        for task in ("ioi", "anti_names", "anti_lists", "induction", "ioi_abc")
        for side in ("", "_select", "_test")
    },
    **{f"se_{t}": [0.1, 0.2, NAN, 0.0] for t in ("ioi", "anti_names", "anti_lists", "ioi_abc")},
    "q_ioi": [0.0, 0.5, 1.0, NAN],
    "q_anti_names": [0.0, 0.5, 1.0, NAN],
    **PROFILES,
    "suspect": ["", "", "a truncated list", ""],
    "bos": pd.array([True, False, None, True], dtype="boolean"),
    "revision": ["", "", "", "3f"],
    "fingerprint": "0f",
}
FLAGS = pd.array([True, False, pd.NA, True], dtype="boolean")
IDS = [[1, 2, 3], [4], [5, 6], [7]]
PAIR = {"base_family": "a", "base_model": "a_s", "tgt_family": "b", "tgt_model": "b_s"}
PAIRS = {**PAIR, "tgt_model": ["b_s", "b_m", "b_l", "b_xl"], "task": "ioi"}
SHARES = [0.0, 0.5, 1.0, NAN]
COUNTS = {"n_prompts": [3, 1, 2, 1], "n_clusters": 1}
LISTS = [np.array(ids, dtype=np.float32) for ids in IDS]


def measured(*names: str, values: tuple[float, ...] = (0.5, -0.1, 0.0, NAN)) -> dict[str, object]:
    """Columns with the ends of their intervals; the last is missing, of others the interval."""
    ends = {"": values, "_low": (0.2, NAN, -0.1, NAN), "_high": (0.8, NAN, 0.1, NAN)}
    return {f"{name}{end}": list(of) for name in names for end, of in ends.items()}


KNOWN = (0.5, -0.1, 0.0, 2.5)
LOG = {
    "stage": "scan",
    "model": ["a", "b", "c", "d"],
    "seconds": [1.5, 2.5, 0.0, 3.5],
    "peak_memory_mb": 410.5,
    "device": "cpu",
    "threads": 2,
    "chunk": 4,
    "counted": ["heads", "sets of heads", "patched runs and paths", "heads"],
    "per_second": 20.5,
    "versions": "{}",
}
VALID = {
    "zoo_curves": {
        "model": "mini_s",
        "step": [0, 20, 40, 60],
        "task": "ioi",
        "loss": [3, 2, 1, 0.5],
    },
    "zoo_accuracy": {
        "model": "mini_s",
        "task": ["ioi", "anti_names", "anti_lists", "induction"],
        "objective": ["trained", "random", "untrained", "trained"],
        "accuracy": [1.0, 0.5, 0.0, 0.9],
        "candidate_accuracy": [1.0, 0.5, 0.0, 0.9],
        "n_prompts": 400,
    },
    "prompts": {
        "prompt_id": ["ioi/0", "ioi/1", "ioi/2", "ioi/3"],
        "task": "ioi",
        "template": "ioi/0",
        "order": ["ABBA", "BABA", "ABBA", ""],
        "text": "Then Mary met John.",
        "tokens": IDS,
        "answer": [[1], [2], [3], []],
        "distractor": [[2], [1], [4], []],
        "candidates": [[1, 2], [1, 2], [1, 2], []],
        "cluster": ["John+Mary", "John+Mary", "Kate+Tom", "Kate+Tom"],
        "split": ["select", "select", "test", "test"],
        "data_seed": [0, 0, 0, 1],
        "bos": [False, False, False, True],
        "revision": ["", "", "", "3f"],
        "fingerprint": "0f",
    },
    "head_effects": {
        **HEAD,
        "task": "ioi",
        "readout": "contrast",
        "ablation": "resample",
        "positions": "end",
        **MEASURED,
        "p": [0.01, 1.0, NAN, 0.5],
        "q": [0.02, 1.0, NAN, NAN],
        "delta_logprob": [-0.5, 0.1, NAN, 1.0],
        "se_logprob": [0.1, NAN, NAN, 0.2],
        "n_prompts": [3, 1, 2, 1],
        "n_clusters": 1,
        **SHAPE,
        "clean_metric": 4.5,
        "effects": [np.array(ids, dtype=np.float32) for ids in IDS],
        "fingerprint": "0f",
    },
    "head_attributions": {
        **HEAD,
        "task": "ioi",
        "method": "attribution",
        "ablation": "resample",
        "positions": "end",
        "delta": [-0.5, 0.1, 0.0, 2.5],
        "n_prompts": 3,
        **SHAPE,
        "fingerprint": "0f",
    },
    "competence": {
        **MODEL,
        "task": ["ioi", "anti_names", "ioi_abc", "plain_text"],
        "readout": ["contrast", "contrast", "kl_to_clean", "token_loss"],
        "clean_metric": [4.5, -0.1, 0.0, 3.1],
        "se": [0.1, 0.1, 0.0, NAN],
        "low": [4.3, -0.3, 0.0, NAN],
        "high": [4.7, 0.1, 0.0, NAN],
        "accuracy": [1.0, 0.5, NAN, NAN],
        "candidate_accuracy": [0.9, 0.4, NAN, NAN],
        "n_prompts": 160,
        "n_clusters": 40,
        "competent": FLAGS,
    },
    "import_findings": {
        **MODEL,
        "check": list(IMPORT_CHECKS[:4]),
        "outcome": ["passed", "suspect", "not possible", "passed"],
        "column": ["", "delta_ioi", "", ""],
        "n_rows": [0, 3, 0, 0],
        "examples": "L0H1",
        "detail": "3 of 4 rows",
        "cause": "",
        "fingerprint": "0f",
    },
    "head_profiles": {**HEAD, **SHAPE, **PROFILES, "fingerprint": "0f"},
    **dict.fromkeys(("run_log", "causal_log", "ablation_log"), LOG),
    "joint_heads": JOINT,
    "joint_effects": {
        **HEAD,
        "task": "ioi",
        "cluster": "John+Mary",
        "split": ["select", "select", "test", "test"],
        "effect": [-0.5, 0.1, 0.0, 2.5],
        "n_prompts": 8,
    },
    "ablation_agreement": {
        **MODEL,
        "task": ["ioi", "anti_names", "anti_lists", "ioi"],
        "ablation_a": ["zero", "zero", "zero", "mean"],
        "positions_a": ["all", "all", "all", "end"],
        "ablation_b": ["mean", "resample", "resample", "resample"],
        "positions_b": ["end", "all", "end", "all"],
        "n_heads_compared": 4,
        "spearman": [1.0, -1.0, NAN, 0.5],
        "category_changes": [0.0, 3.0, NAN, 4.0],
    },
    "attribution_agreement": {
        **MODEL,
        "task": ["ioi", "anti_names", "anti_lists", "ioi"],
        "ablation": ["zero", "mean", "resample", "resample"],
        "positions": ["all", "end", "all", "end"],
        "n_heads_compared": 4,
        "spearman": [1.0, -1.0, NAN, 0.5],
        "pearson": [1.0, -1.0, NAN, 0.5],
        "top_k": 4,
        "top_overlap": [1.0, 0.0, NAN, 0.5],
    },
    "classified_heads": {
        **JOINT,
        "category": list(CATEGORIES),
        "strength": [0.5, 0.2, 0.0, 5.0],
        "strength_select": [0.5, 0.2, 0.0, 5.0],
        "category_stability": [1.0, 0.5, 0.0, NAN],
        "resolved": FLAGS,
        "competent_ioi": FLAGS,
        "competent_anti_names": FLAGS,
    },
    "head_category_summary": {
        "family": "mini",
        "model": ["a", "b", "c", "d"],
        "params_m": [0.3, 0.6, 1.2, NAN],
        "n_heads_total": [4, 4, 4, 6],
        **COUNTED,
        **{f"frac_{c}_{e}": [0.1, 0.2, 1.0, NAN] for c in CATEGORIES for e in ("low", "high")},
        "frac_resolved": [0.5, 1.0, 0.0, NAN],
        "minimal_detectable_ioi": [0.1, 0.2, 0.3, NAN],
        "minimal_detectable_anti_names": [0.1, 0.2, 0.3, NAN],
        "prompts_to_resolve_tau": [160.0, 4000.0, 1.0, NAN],
    },
    "category_sensitivity": {
        **MODEL,
        "basis": ["delta", "delta", "relative", "relative"],
        "tau": [0.01, 0.05, 0.01, 0.05],
        **COUNTED,
    },
    "hero_heads": {
        **HEAD,
        "category": list(CATEGORIES),
        "rank": [1, 2, 3, 1],
        **{
            f"delta_{t}{s}": [-0.5, 0.1, 0.0, 2.5]
            for t in ("ioi", "anti_names")
            for s in ("", "_test")
        },
        "se_ioi": [0.1, NAN, 0.2, 0.3],
        "se_anti_names": [0.1, NAN, 0.2, 0.3],
        "strength": [0.5, 0.2, 0.0, 5.0],
        "strength_select": [0.5, 0.2, 0.0, 5.0],
        "category_stability": [1.0, 0.5, 0.0, NAN],
    },
    "transfer_heads": {
        **PAIR,
        "task": "anti_names",
        "base_rank": [1, 2, 3, 4],
        "layer": [0, 0, 1, 1],
        "head": [0, 1, 0, 1],
        "base_category": ["anti_only", "shared", "ioi_only", "anti_only"],
        "base_abs_delta": [2.5, 0.5, 0.1, 0.1],
        "tgt_abs_delta": [0.5, 0.0, 0.1, NAN],
        "tgt_frac_rank": [0.25, 0.5, 1.0, NAN],
        "in_target": ["present", "outside_shape", "not_measured", "unknown_shape"],
        "depth_layer": [0.0, 0.0, 1.0, NAN],
        "depth_frac_rank": SHARES,
        "depth_best_frac_rank": SHARES,
        "matched_layer": [0.0, 1.0, 1.0, NAN],
        "matched_head": [1.0, 1.0, 0.0, NAN],
        "matched_frac_rank": SHARES,
    },
    "transfer_summary": {
        **PAIRS,
        **{n: [20, 4, 1, 0] for n in ("n_base_heads", "n_present", "n_at_depth", "n_matched")},
        "n_target_heads": 48,
        **{
            column: SHARES
            for column in ALL_TABLES["transfer_summary"].columns
            if column not in PAIRS and not column.startswith("n_")
        },
        "base_competent": FLAGS,
        "tgt_competent": FLAGS,
    },
    "head_matching": {
        **PAIRS,
        "n_base_heads": 48,
        "n_target_heads": 60,
        "n_matched": [48, 48, 48, 0],
        "spearman": [1.0, -1.0, 0.5, NAN],
        "p_spearman": SHARES,
        "pearson": [1.0, -1.0, 0.5, NAN],
        "p_pearson": SHARES,
        "reason": ["", "", "", "no profiles of b_xl"],
    },
    "head_divergence": {
        **PAIR,
        "layer": [0, 0, 1, 1],
        "head": [0, 1, 0, 1],
        "base_category": ["ioi_only", "shared", "ioi_only", "shared"],
        "tgt_category": ["shared", "anti_only", "weak", "missing"],
        "divergence": ["conserved", "inverted", "lost", "missing"],
        **{f"chance_{fate}": [0.25, 0.5, 1.0, 0.0] for fate in ("conserved", "inverted", "lost")},
    },
    "corr_vs_scale": {
        "family": "mini",
        "model": ["a", "b", "c", "d"],
        "params_m": [0.3, 0.6, 1.2, NAN],
        "corr": [0.5, -1.0, NAN, 1.0],
        "n_heads_compared": 4,
        "n_heads_effective": [1.0, 2.5, NAN, 4.0],
        "spearman": [0.5, -1.0, NAN, 1.0],
        "corr_true": [0.6, -1.1, NAN, NAN],
        "corr_true_low": [0.2, -1.0, NAN, NAN],
        "corr_true_high": [0.8, -0.7, NAN, NAN],
        "undefined": ["", "", "fewer than 10 heads", "no effects of clusters"],
        "minimal_detectable": [0.4, 1.0, NAN, NAN],
        "p": [0.01, 1.0, NAN, 0.5],
        "reliability_ioi": [0.9, -0.1, NAN, NAN],
        "reliability_anti_names": [0.9, 1.0, NAN, NAN],
        "ceiling": [0.9, NAN, NAN, NAN],
        "n_clusters_ioi": [20, 20, 9, 0],
        "n_clusters_anti_names": [40, 40, 9, 0],
        "competent_ioi": FLAGS,
        "competent_anti_names": FLAGS,
        "frac_resolved": [0.5, 1.0, 0.0, NAN],
    },
    "strong_head_scaling": {
        **MODEL,
        "params_m": [0.3, 0.3, 0.3, NAN],
        "tau": [0.01, 0.03, 0.05, 0.1],
        "n_heads_total": [4, 4, 4, 6],
        **COUNTED,
        "n_strong": [3, 3, 0, 0],
        "frac_strong": [0.75, 1.0, 0.5, 0.0],
        **{
            f"frac_{c}_{e}": [0.1, 0.2, 1.0, NAN]
            for c in (*CATEGORIES, "strong")
            for e in ("low", "high")
        },
    },
    "layer_profile": {
        **MODEL,
        "params_m": [0.3, 0.3, 0.3, NAN],
        "category": list(CATEGORIES),
        "bin": [0, 1, 2, 3],
        "depth_low": [0.0, 0.25, 0.5, 0.75],
        "depth_high": [0.25, 0.5, 0.75, 1.0],
        "n_heads_in_bin": [4, 4, 0, 4],
        "n_category": [1, 0, 0, 4],
        "frac_category": [0.25, 0.0, NAN, 1.0],
        "mean_depth": [0.1, 0.5, NAN, 0.9],
        "mean_depth_low": [-0.1, 0.4, NAN, NAN],
        "mean_depth_high": [0.3, 0.6, NAN, NAN],
    },
    "scale_trend": {
        "family": ["mini", "mini", "mini", "all families"],
        "measure": ["corr_true", "corr", "frac_strong", "corr"],
        "n_models": [3, 3, 2, 10],
        "n_left_out": [0, 0, 1, 0],
        "slope": [0.5, -0.5, NAN, 0.1],
        "se": [0.1, 0.2, NAN, 0.3],
        "low": [-0.5, -2.5, NAN, -0.6],
        "high": [1.5, 1.5, NAN, 0.8],
    },
    "control_models": {
        "family": "control",
        "model": ["a", "b", "c", "d"],
        "task": ["ioi", "anti_names", "ioi", "ioi"],
        "order_balanced": [True, False, True, True],
        "clean_metric": [0.0, -0.1, 0.2, 0.0],
        "low": [-0.1, -0.3, NAN, -0.1],
        "high": [0.1, 0.1, NAN, 0.1],
        "competent": FLAGS,
        "n_heads_total": 4,
        "n_significant": [0.0, 1.0, 4.0, NAN],
        "n_strong": [0, 1, 2, 3],
        "strongest": [0.0, 0.1, 2.5, 1.0],
    },
    "known_heads": {
        **HEAD,
        "checkpoint": "gpt2",
        "role": ["name mover", "backup name mover", "induction", "name mover"],
        "reads_at": "the end",
        "expected_sign": [-1.0, NAN, 1.0, -1.0],
        "published_score": [1.5, NAN, -0.5, 0.0],
        "delta_ioi": [-0.5, 0.1, 0.0, NAN],
        "se_ioi": [0.1, NAN, 0.0, NAN],
        "low": [-0.7, NAN, -0.1, NAN],
        "high": [-0.3, NAN, 0.1, NAN],
        "q_ioi": SHARES,
        "rank": [1.0, 2.0, 4.0, NAN],
        "n_heads_measured": 4,
        "sign_as_expected": FLAGS,
        "verdict": list(KNOWN_VERDICTS[:4]),
        "source": "a paper",
    },
    "causal_traces": {
        **HEAD,
        **SHAPE,
        "category": list(CATEGORIES),
        "hero": [True, True, False, False],
        "task": ["ioi", "ioi", "anti_names", "anti_names"],
        "direction": ["denoising", "noising", "denoising", "noising"],
        "part": ["z", "v", "z", "v"],
        **COUNTS,
        "m_clean": 4.5,
        "m_corrupt": -4.5,
        "influence": list(KNOWN),
        "se": [0.1, NAN, 0.0, 0.3],
        "low": [0.2, NAN, -0.1, 2.0],
        "high": [0.8, NAN, 0.1, 3.0],
        "p": [0.0, 0.5, 1.0, 0.1],
        "q": [0.0, 0.5, 1.0, 0.1],
        **measured("normalised", "direct", "indirect"),
        "self_repair": SHARES,
        "influences": LISTS,
        "fingerprint": "0f",
    },
    "head_reads": {
        **HEAD,
        **SHAPE,
        "category": list(CATEGORIES),
        "hero": [True, True, False, False],
        "task": "ioi",
        **COUNTS,
        **measured(*ROLES),
        **PROFILES,
        "fingerprint": "0f",
    },
    "head_writes": {
        **HEAD,
        "category": list(CATEGORIES),
        "task": "ioi",
        "destination": ["logits", "head", "category", "head"],
        "receiver_layer": [NAN, 1.0, NAN, 2.0],
        "receiver_head": [NAN, 0.0, NAN, 1.0],
        "channel": ["", "q", "", "v"],
        "receiver_category": ["", "weak", "shared", "ioi_only"],
        **COUNTS,
        "total": -1.5,
        "effect": list(KNOWN),
        "low": [0.2, NAN, -0.1, 2.0],
        "high": [0.8, NAN, 0.1, 3.0],
        **measured("share"),
        "n_receivers": 4,
        "n_possible": 12,
        "fingerprint": "0f",
    },
    "hero_pairs": {
        **MODEL,
        **{
            f"{name}_{side}": values
            for side, at in (("a", 0), ("b", 1))
            for name, values in {
                "layer": [0, 0, 1, 1 + at],
                "head": [at, 2 + at, at, 2],
                "category": list(CATEGORIES),
                "effect": list(KNOWN),
            }.items()
        },
        "task": ["ioi", "anti_names", "ioi", "anti_names"],
        "direction": ["denoising", "noising", "denoising", "noising"],
        **COUNTS,
        "sum": list(KNOWN),
        **measured("joint", "interaction", values=KNOWN),
        "fingerprint": "0f",
    },
    "causal_summary": {
        **HEAD,
        "category": list(CATEGORIES),
        "rank": [1, 2, 3, 1],
        "task": "ioi",
        "delta": list(KNOWN),
        "strength": [0.5, 0.2, 0.0, 5.0],
        "competent": FLAGS,
        **COUNTS,
        "m_clean": 4.5,
        "m_corrupt": -4.5,
        **{
            name: values
            for way in ("denoising", "noising")
            for name, values in {
                **measured(f"{way}_influence", f"{way}_v_influence", values=KNOWN),
                **measured(*(f"{way}_{n}" for n in ("normalised", "direct", "indirect"))),
                **measured(f"{way}_v_normalised"),
                f"{way}_q": [0.0, 0.5, 1.0, 0.1],
                f"{way}_v_q": [0.0, 0.5, 1.0, 0.1],
                f"{way}_self_repair": SHARES,
            }.items()
        },
        "verdict": list(VERDICTS),
        "routes_into": ["", "shared", "ioi_only, shared", ""],
        **measured("share_logits", *(f"share_{category}" for category in CATEGORIES)),
        "n_receivers": 4,
        "n_possible": 12,
        "fingerprint": "0f",
    },
    "hero_similarity": {
        "group": list(GROUPS),
        "scope": ["within families", "across families", "two families", "two families"],
        "family_a": ["mini", "all families", "a", "a"],
        "family_b": ["mini", "all families", "b", "c"],
        "n_heroes": [2, 3, 4, 1],
        "n_pairs": [1, 3, 4, 0],
        **{n: [1.0, -1.0, 0.5, NAN] for n in ("similarity", "expected", "null_low", "null_high")},
        "p": SHARES,
        "q": SHARES,
    },
    "ablation_trials": {
        **MODEL,
        "task": "ioi",
        "readout": ["contrast", "contrast", "kl_to_clean", "token_loss"],
        "ablation": ["zero", "mean", "resample", "zero"],
        "positions": ["all", "end", "all", "all"],
        "split": "test",
        "set_type": ["clean", "hero_joint", "matched", "weakest"],
        "matched_to": ["", "", "hero_joint", ""],
        "k": [0, 1, 2, 1],
        "draw": [0, 0, 3, 0],
        "layers": [[], [0], [0, 1], []],
        "heads": [[], [1], [1, 0], []],
        "mean_metric": [4.5, 1.0, 0.5, NAN],
        "clean_metric": 4.5,
        "mean_diff": [0.0, -3.5, 0.5, NAN],
        "accuracy": [1.0, 0.5, 0.0, NAN],
        **COUNTS,
        "effects": LISTS,
        "correct": LISTS,
        "reason": ["", "", "", "1 other heads"],
        "n_layers": 2,
        "n_heads": 2,
        "seed": 0,
        "fingerprint": "0f",
    },
    "ablation_summary": {
        **MODEL,
        "task": "ioi",
        "readout": ["contrast", "contrast", "kl_to_clean", "token_loss"],
        "ablation": ["zero", "mean", "resample", "zero"],
        "positions": ["all", "end", "all", "all"],
        "primary": [True, False, False, True],
        "hero_set": ["hero_joint", "hero_ioi_only", "hero_anti_only", "hero_shared"],
        "k": [4, 1, 2, 1],
        **COUNTS,
        "competent": FLAGS,
        "clean_metric": 4.5,
        "clean_accuracy": SHARES,
        **{
            column: SHARES
            for column in ALL_TABLES["ablation_summary"].columns
            if re.match(r"(matched|unmatched|weakest)_", column)
            or re.fullmatch(r"(clean_)?accuracy_(low|high)|accuracy|mean_diff|low|high", column)
        },
        **{f"{kind}_n": [20, 5, 0, 0] for kind in ("matched", "unmatched")},
        **{
            f"{kind}reason": ["", "", "", "1 other heads"]
            for kind in ("", "matched_", "unmatched_", "weakest_")
        },
        "fingerprint": "0f",
    },
}


def valid(name: str) -> pd.DataFrame:
    return pd.DataFrame(VALID[name])


def columns(name: str, kind: str) -> list[str]:
    """The columns of a kind; only those that the table always has."""
    kinds = {
        "any": lambda column: True,
        "required": lambda column: not column.nullable,
        "nullable": lambda column: column.nullable,
        "worded": lambda column: (
            str(column.dtype) == "str" and any(check.name == "isin" for check in column.checks)
        ),
        "float": lambda column: str(column.dtype) == "float64",
        "count": lambda column: str(column.dtype) == "int64",
    }
    given = ALL_TABLES[name].columns.items()
    return [label for label, column in given if kinds[kind](column) and not column.regex]


def refusal(name: str, frame: pd.DataFrame) -> str:
    with pytest.raises(TableError) as caught:
        ALL_TABLES[name].validate(frame)
    message = str(caught.value)
    assert message.startswith(f"Table '{name}': ")
    assert "\n" not in message
    return message


def row_1(name: str) -> str:
    """How the message names the second row: its number and its key."""
    keys = valid(name).iloc[1][list(ALL_TABLES[name].keys)]
    return f"row 1 ({' '.join(str(key) for key in keys)})"


def spoilt(name: str, labels: list[str], value: object) -> pd.DataFrame:
    """A valid frame with a wrong value in the second row of some columns."""
    frame = valid(name)
    for label in labels:
        cells = frame[label].astype(object)
        cells.iloc[1] = value
        number = pd.api.types.is_numeric_dtype(frame[label].dtype)
        frame[label] = cells.infer_objects() if number else cells.astype(frame[label].dtype)
    return frame


def message_of(name: str, column: str, reason: str, rows: str) -> str:
    return f"Table '{name}': column {column}: {reason} in {rows}."


def test_every_table_has_a_valid_example() -> None:
    assert set(VALID) == set(ALL_TABLES)
    assert all(table.name == name for name, table in ALL_TABLES.items())


@pytest.mark.parametrize("name", ALL_TABLES)
def test_a_valid_frame_passes_unchanged(name: str) -> None:
    frame = valid(name)
    assert ALL_TABLES[name].validate(frame) is frame
    pd.testing.assert_frame_equal(frame, valid(name))


@pytest.mark.parametrize("name", ALL_TABLES)
def test_a_frame_still_passes_after_parquet(name: str, tmp_path: Path) -> None:
    valid(name).to_parquet(tmp_path / "table.parquet")
    back = pd.read_parquet(tmp_path / "table.parquet")
    ALL_TABLES[name].validate(back)
    if name == "prompts":
        assert isinstance(back.at[0, "tokens"], np.ndarray)


@pytest.mark.parametrize("name", ALL_TABLES)
def test_every_missing_column_is_refused(name: str) -> None:
    key = ALL_TABLES[name].keys[-1]
    for kept in ([key], [c for c in valid(name) if c != key]):
        message = refusal(name, valid(name)[kept])
        missing = [c for c in columns(name, "any") if c not in kept]
        assert missing
        assert [c for c in missing if f"column {c} is missing" not in message] == []


@pytest.mark.parametrize("name", ALL_TABLES)
def test_a_column_that_does_not_belong_is_refused(name: str) -> None:
    message = refusal(name, valid(name).assign(notes="mine", colour="red"))
    faults = "column notes does not belong to it; column colour does not belong to it"
    assert message == f"Table '{name}': {faults}."


@pytest.mark.parametrize("name", ALL_TABLES)
def test_a_column_that_comes_twice_is_refused(name: str) -> None:
    label = ALL_TABLES[name].keys[0]
    frame = valid(name)
    frame.insert(0, label, "again", allow_duplicates=True)
    assert refusal(name, frame) == f"Table '{name}': column {label} comes twice."


@pytest.mark.parametrize("name", ALL_TABLES)
def test_a_duplicate_key_is_refused(name: str) -> None:
    frame = pd.concat([valid(name), valid(name).iloc[[1]]])
    message = refusal(name, frame)
    again = row_1(name).replace("row 1", "row 4")
    keys = ", ".join(ALL_TABLES[name].keys)
    assert message == f"Table '{name}': columns {keys}: duplicate {row_1(name)}, {again}."


@pytest.mark.parametrize("name", [n for n in ALL_TABLES if ALL_TABLES[n].every_head])
@pytest.mark.parametrize(("column", "size"), [("head", "n_heads"), ("layer", "n_layers")])
def test_a_head_outside_the_shape_is_refused(name: str, column: str, size: str) -> None:
    frame = valid(name)
    frame.loc[1, column] = 2
    outside = row_1(name).replace("0 1", "2 1" if column == "layer" else "0 2")
    assert message_of(name, column, f"outside the model's {size}", outside) == refusal(name, frame)


def test_joined_heads_may_be_of_an_imported_table_and_outside_any_shape() -> None:
    frame = valid("joint_heads")
    frame.loc[1, ["layer", "head"]] = 40
    JOINT_HEADS.validate(frame)


@pytest.mark.parametrize("name", ALL_TABLES)
def test_every_missing_value_is_refused(name: str) -> None:
    labels = columns(name, "required")
    message = refusal(name, spoilt(name, labels, None))
    for label in labels:
        assert f"column {label}: missing value in row 1 (" in message


@pytest.mark.parametrize("name", [name for name in ALL_TABLES if columns(name, "nullable")])
def test_a_value_may_be_missing_where_nothing_may_have_been_measured(name: str) -> None:
    frame = valid(name)
    for label in columns(name, "nullable"):
        frame[label] = (
            pd.array([pd.NA] * 4, dtype="boolean") if "boolean" in str(frame[label].dtype) else NAN
        )
    ALL_TABLES[name].validate(frame)


@pytest.mark.parametrize("name", ALL_TABLES)
def test_every_wrong_value_is_refused(name: str) -> None:
    """A word that is not one of the few, an infinity, a negative count: one in each column."""
    frame = valid(name)
    wrong = {"worded": "nonsense", "float": np.inf, "count": -1}
    for kind, value in wrong.items():
        labels = columns(name, kind)
        frame[labels] = spoilt(name, labels, value)[labels]
    message = refusal(name, frame)
    reasons = {
        "worded": "not one of [a-z0-9_, ]+",
        "float": "not [-a-z0-9. ]+",
        "count": "negative",
    }
    for kind, reason in reasons.items():
        for label in columns(name, kind):
            assert re.search(rf"column {label}: {reason} in row 1 \(", message), label


def test_counts_held_as_floats_are_refused() -> None:
    labels = columns("head_effects", "count")
    message = refusal("head_effects", valid("head_effects").astype(dict.fromkeys(labels, float)))
    for label in labels:
        assert f"column {label}: wrong type float64" in message


@pytest.mark.parametrize("name", ALL_TABLES)
def test_a_table_without_rows(name: str) -> None:
    table = ALL_TABLES[name]
    nothing = valid(name).iloc[:0]
    if table.may_be_empty:
        assert table.validate(nothing) is nothing
    else:
        assert refusal(name, nothing) == f"Table '{name}': it has no rows."


@pytest.mark.parametrize("table", [t for t in ALL_TABLES.values() if t.may_be_empty], ids=str)
def test_the_empty_table_passes_and_can_be_stored(table: Table, tmp_path: Path) -> None:
    table.validate(table.empty()).to_parquet(tmp_path / "empty.parquet")
    back = pd.read_parquet(tmp_path / "empty.parquet")
    assert list(table.validate(back).columns) == list(table.columns)


@pytest.mark.parametrize(
    ("name", "column", "value", "reason"),
    [
        ("head_effects", "p", 1.5, "not in 0..1"),
        ("head_effects", "q", -0.1, "not in 0..1"),
        ("head_effects", "se", -0.1, "below 0"),
        ("competence", "accuracy", 1.01, "not in 0..1"),
        ("classified_heads", "category_stability", 2.0, "not in 0..1"),
        ("classified_heads", "strength", -1.0, "below 0"),
        ("attribution_agreement", "top_overlap", 1.5, "not in 0..1"),
        ("transfer_heads", "tgt_frac_rank", 1.5, "not in 0..1"),
        ("transfer_summary", "matched_p_same_layer", -0.5, "not in 0..1"),
        ("head_matching", "pearson", np.inf, "not finite"),
        ("head_divergence", "chance_lost", 2.0, "not in 0..1"),
        ("corr_vs_scale", "corr", 1.5, "not a correlation"),
        ("corr_vs_scale", "corr_true_low", -1.5, "not a correlation"),
        ("joint_heads", "n_heads", 1.5, "not a whole number"),
        ("ablation_agreement", "category_changes", 0.5, "not a whole number"),
        ("joint_heads", "delta_induction", np.inf, "not finite"),
        ("joint_heads", "delta_ioi_abc_test", -np.inf, "not finite"),
        ("joint_heads", "se_anti_lists", -0.1, "below 0"),
    ],
)
def test_a_value_out_of_range_is_refused(name: str, column: str, value: float, reason: str) -> None:
    message = refusal(name, spoilt(name, [column], value))
    assert message == message_of(name, column, reason, row_1(name))


@pytest.mark.parametrize(
    "cell", [7, "words", ["a"], [[1, 2], [3, 4]], [1.0, np.inf], [NAN]], ids=str
)
def test_a_cell_that_is_no_list_of_numbers_is_refused(cell: object) -> None:
    frame = valid("prompts")
    frame.at[1, "tokens"] = cell
    message = refusal("prompts", frame)
    assert message == message_of(
        "prompts", "tokens", "not a list of finite numbers", row_1("prompts")
    )


def test_flags_of_another_type_are_refused() -> None:
    frame = valid("competence")
    frame["competent"] = [True, False, None, True]
    assert "column competent: wrong type object" in refusal("competence", frame)


@pytest.mark.parametrize("name", ["head_effects", "head_attributions", "head_profiles"])
@pytest.mark.parametrize("kept", [[0, 1, 2], [0, 1]])
def test_a_measurement_that_lost_heads_is_refused(name: str, kept: list[int]) -> None:
    whole = valid(name)
    message = refusal(name, whole.iloc[kept])
    assert message.startswith(f"Table '{name}': rows of mini mini_s")
    assert message.endswith(f"{len(kept)} of the model's 4 heads.")
    if name == "head_effects":
        both = pd.concat([whole, whole.assign(task="anti_names").iloc[kept]])
        assert "rows of mini mini_s anti_names resample end: " in refusal(name, both)


def test_an_exact_effect_does_not_pass_for_an_attribution() -> None:
    message = refusal("head_attributions", valid("head_attributions").assign(method="exact"))
    assert "column method: not one of attribution in row 0" in message


def test_effects_of_another_number_of_prompts_are_refused() -> None:
    message = refusal("head_effects", spoilt("head_effects", ["n_prompts"], 4))
    row = row_1("head_effects")
    assert message == message_of("head_effects", "effects", "not as long as n_prompts says", row)


def test_all_faults_are_named_at_once() -> None:
    frame = valid("head_effects").drop(columns="delta").assign(colour="red")
    frame.loc[[1, 2], "ablation"] = "median"
    message = refusal("head_effects", frame)
    for fault in (
        "column delta is missing",
        "column colour does not belong to it",
        "column ablation: not one of zero, mean, resample in row 1 (mini mini_s 0 1 ioi",
        "row 2 (mini mini_s 1 0 ioi",
    ):
        assert fault in message


def test_many_rows_are_counted_rather_than_listed() -> None:
    frame = pd.concat([valid("prompts")] * 3, ignore_index=True)
    frame["prompt_id"] = [f"ioi/{i}" for i in range(12)]
    message = refusal("prompts", frame.assign(split="both"))
    assert "row 0 (ioi/0), " in message
    assert message.endswith("row 4 (ioi/4) and 7 more.")


def test_rows_are_named_by_place_whatever_their_labels() -> None:
    frame = pd.concat([valid("prompts")] * 2)
    frame["prompt_id"] = [f"ioi/{i}" for i in range(8)]
    frame["split"] = ["select"] * 5 + ["both"] + ["test"] * 2
    message = refusal("prompts", frame)
    assert message == message_of("prompts", "split", "not one of select, test", "row 5 (ioi/5)")


@pytest.mark.parametrize("thing", [None, [1, 2], {"model": ["mini_s"]}], ids=str)
def test_what_is_no_frame_is_refused(thing: object) -> None:
    with pytest.raises(TableError, match="Table 'prompts' must be a DataFrame, not"):
        PROMPTS.validate(thing)


def test_further_tasks_are_optional_but_no_other_columns() -> None:
    few = [
        c
        for c in JOINT
        if not c.startswith(("delta_anti_lists", "delta_induction", "se_anti_lists"))
    ]
    JOINT_HEADS.validate(valid("joint_heads")[few])
    assert "column tau does not belong" in refusal(
        "joint_heads", valid("joint_heads").assign(tau=1.0)
    )
