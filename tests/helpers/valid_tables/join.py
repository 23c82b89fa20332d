"""Valid tables of the schemas in ``tables/join.py``."""

from __future__ import annotations

from tests.helpers.valid_tables import scan
from tests.helpers.valid_tables.rows import HEAD, JOINT, MODEL, NAN

TABLES = {
    "joint_heads": JOINT,
    "joint_prompts": {**MODEL, **scan.TABLES["prompts"]},
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
}
