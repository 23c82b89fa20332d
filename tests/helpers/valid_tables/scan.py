"""Valid tables of the schemas in ``tables/scan.py``."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.helpers.valid_tables.rows import (
    FLAGS,
    HEAD,
    IDS,
    LOG,
    MEASURED,
    MODEL,
    NAN,
    PROFILES,
    SHAPE,
)

TABLES = {
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
        "se_templates": [0.1, NAN, 0.0, 0.2],
        "q": [0.02, 1.0, NAN, NAN],
        "delta_logprob": [-0.5, 0.1, NAN, 1.0],
        "se_logprob": [0.1, NAN, NAN, 0.2],
        "n_prompts": [3, 1, 2, 1],
        "n_clusters": 1,
        "settled": pd.array([None, True, False, True], dtype="boolean"),
        **SHAPE,
        "clean_metric": 4.5,
        "effects": [
            np.array([*ids, *missing], dtype=np.float32)
            for ids, missing in zip(IDS, ([], [NAN], [], [NAN, NAN]), strict=True)
        ],
        "attributions": [np.array(ids, dtype=np.float32) for ids in ([], [1.0, 2.0], [0.5], [])],
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
    "bos_effects": {
        **HEAD,
        "task": "ioi",
        **{
            f"{name}_{version}": [0.5, -0.1, 0.0, NAN]
            for version in ("with", "without")
            for name in ("delta", "se", "clean_metric", "accuracy", "accuracy_low", "accuracy_high")
        },
        "difference": [-0.5, 0.1, 0.0, 2.5],
        "low": [-0.6, 0.0, -0.1, NAN],
        "high": [-0.4, 0.2, 0.1, NAN],
        "q": [0.02, 1.0, 0.5, NAN],
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
        "accuracy_low": [1.0, 0.3, NAN, NAN],
        "accuracy_high": [1.0, 0.7, NAN, NAN],
        "candidate_accuracy": [0.9, 0.4, NAN, NAN],
        "n_prompts": 160,
        "n_clusters": 40,
        "most_clusters": [48.0, 48.0, NAN, NAN],
        "competent": FLAGS,
    },
    "head_profiles": {**HEAD, **SHAPE, **PROFILES, "fingerprint": "0f"},
    "run_log": LOG,
}
