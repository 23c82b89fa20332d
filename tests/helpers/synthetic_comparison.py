"""Made-up rankings and masked accuracies of any methods, models, questions and lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from circuit_scaling.vocabulary import QUESTION_IDS, RETRIEVAL_METHODS


@dataclass(frozen=True)
class Compared:
    """What is compared; models have one shape, (layers, heads)."""

    methods: Sequence[str] = RETRIEVAL_METHODS
    models: Sequence[str] = ("mini_llama", "mini_llama_instruct")
    questions: Sequence[str] = QUESTION_IDS
    lengths: Sequence[int] = (96, 128, 256)
    shape: tuple[int, int] = (8, 8)
    ks: Sequence[int] = (4, 8, 12)
    random_ks: Sequence[int] = (12,)

    def configurations(self) -> list[tuple[str, str, str, int]]:
        return list(product(self.methods, self.models, self.questions, self.lengths))


def head_rankings(compared: Compared) -> pd.DataFrame:
    """A head's score is the product of what it, its method, model, question and length add.

    Wu24 lists a fifth of the heads alone.
    """
    rng = np.random.default_rng(3)
    layers, heads = compared.shape
    n = layers * heads
    axes = (compared.methods, compared.models, compared.questions, compared.lengths)
    common = rng.gamma(0.4, 1.0, n)
    own = [{name: rng.normal(0, 0.6, n) for name in axis} for axis in axes]
    layer, head = np.divmod(np.arange(n), heads)
    frames = []
    for configuration in compared.configurations():
        parts = [part[name] for part, name in zip(own, configuration, strict=True)]
        score = common * np.exp(sum(parts) + rng.normal(0, 0.3, n))
        order = np.argsort(-score, kind="stable")
        if configuration[0] == "wu24":
            order = order[: max(2 * n // 5, 2)]
        method, model, question, length = configuration
        frames.append(
            pd.DataFrame(
                {
                    "method": method,
                    "family": "llama",
                    "model": model,
                    "question": question,
                    "token_length": length,
                    "layer": layer[order],
                    "head": head[order],
                    "score": score[order],
                    "rank": np.arange(1, len(order) + 1),
                    "n_samples": 12,
                    "n_layers": layers,
                    "n_heads": heads,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def ablation_results(compared: Compared) -> pd.DataFrame:
    """Answers are lost in proportion to k, more by some methods and questions; two random sets."""
    rng = np.random.default_rng(4)
    most = max(compared.ks)
    rows = []
    for method, model, question, length in compared.configurations():
        baseline = rng.uniform(0.75, 1.0)
        strength = rng.uniform(0.3, 1.0)
        sets = [("hero", 0, k) for k in compared.ks]
        sets += [("random", draw, k) for k in compared.random_ks for draw in range(2)]
        for set_type, draw, k in sets:
            lost = strength if set_type == "hero" else 0.08 * rng.random()
            rows.append(
                {
                    "method": method,
                    "family": "llama",
                    "model": model,
                    "question": question,
                    "token_length": length,
                    "n_heads": k,
                    "set_type": set_type,
                    "draw": draw,
                    "ablation": "zero",
                    "accuracy": baseline * (1 - lost * (k / most) ** 1.5),
                    "baseline_accuracy": baseline,
                }
            )
    return pd.DataFrame(rows)
