"""Valid tables of the schemas in ``tables/ablation.py``."""

from __future__ import annotations

import re

from circuit_scaling.tables.registry import ALL_TABLES
from tests.helpers.valid_tables.rows import COUNTS, FLAGS, LISTS, LOG, MODEL, NAN, SHARES

TABLES = {
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
        **{f"{kind}_note": ["", "only 5 other sets", "", ""] for kind in ("matched", "unmatched")},
        "fingerprint": "0f",
    },
    "ablation_log": LOG,
}
