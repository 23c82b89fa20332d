"""Valid tables of the schemas in ``tables/causal.py``."""

from __future__ import annotations

from circuit_scaling.tables.causal import GROUPS, ROLES, VERDICTS
from circuit_scaling.vocabulary import CATEGORIES
from tests.helpers.valid_tables.rows import (
    COUNTS,
    FLAGS,
    HEAD,
    KNOWN,
    LISTS,
    LOG,
    MODEL,
    NAN,
    PROFILES,
    SHAPE,
    SHARES,
    measured,
)

TABLES = {
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
        "p": SHARES,
        "q": SHARES,
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
    "causal_log": LOG,
}
