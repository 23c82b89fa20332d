"""Valid tables of the schemas in ``tables/transfer.py``."""

from __future__ import annotations

from circuit_scaling.tables.registry import ALL_TABLES
from tests.helpers.valid_tables.rows import FLAGS, NAN, PAIR, PAIRS, SHARES

TABLES = {
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
        "q_spearman": SHARES,
        "pearson": [1.0, -1.0, 0.5, NAN],
        "p_pearson": SHARES,
        "q_pearson": SHARES,
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
}
