"""Valid tables of the schemas in ``tables/classify.py``."""

from __future__ import annotations

from circuit_scaling.tables.classify import VERDICTS as KNOWN_VERDICTS
from circuit_scaling.vocabulary import CATEGORIES
from tests.helpers.valid_tables.rows import (
    COUNTED,
    FLAGS,
    HEAD,
    JOINT,
    MODEL,
    NAN,
    SHARES,
    TRUE_SHARE,
)

TABLES = {
    "classified_heads": {
        **JOINT,
        "category": list(CATEGORIES),
        "category_select": list(CATEGORIES),
        "strength": [0.5, 0.2, 0.0, 5.0],
        "strength_select": [0.5, 0.2, 0.0, 5.0],
        "category_stability": [1.0, 0.5, 0.0, NAN],
        "stability_select": [1.0, 0.5, 0.0, NAN],
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
        **{f"frac_{c}_{e}": [0.1, 0.2, 1.0, NAN] for c in CATEGORIES for e in TRUE_SHARE},
        "shares_unknown": ["", "", "", "no effects of clusters"],
        "frac_resolved": [0.5, 1.0, 0.0, NAN],
        "minimal_detectable_ioi": [0.1, 0.2, 0.3, NAN],
        "minimal_detectable_anti_names": [0.1, 0.2, 0.3, NAN],
        "template_variance_ioi": [0.5, 6.0, 1.0, NAN],
        "template_variance_anti_names": [0.5, 6.0, 1.0, NAN],
    },
    "prompts_needed": {
        **MODEL,
        "model": ["mini_s", "mini_s", "mini_s", "mini_m"],
        "task": ["ioi", "anti_names", "both", "ioi"],
        "n_prompts": 80,
        "frac_resolved": [0.4, 0.0, 1.0, NAN],
        "prompts_50": [160.0, 4000.0, 1.0, NAN],
        "prompts_80": [1600.0, 40000.0, 1.0, NAN],
        "prompts_95": [NAN, NAN, 1.0, NAN],
        "most_prompts": [840.0, 840.0, 840.0, NAN],
    },
    "name_order": {
        **HEAD,
        "delta_anti_names": [-0.5, 0.1, 0.0, 2.5],
        "delta_anti_names_first": [-0.4, 0.2, 0.0, 0.5],
        "difference": [0.1, 0.1, 0.0, -2.0],
        "low": [0.0, -0.1, -0.2, NAN],
        "high": [0.2, 0.3, 0.2, NAN],
        "q": [0.04, 0.5, 1.0, NAN],
        "n_clusters": [20, 20, 20, 9],
        "category": list(CATEGORIES),
        "category_first": list(CATEGORIES)[::-1],
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
}
