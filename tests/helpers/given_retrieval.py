"""Rankings and masked accuracies as somebody else would hand them over; healthy ones."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

METHODS, MODELS, QUESTIONS = ("mine", "yours"), ("tiny_base", "tiny_instruct"), ("age", "colour")
LENGTHS, LAYERS, HEADS, KS = (100, 200, 400), 4, 8, (2, 4)
AXES = ["method", "model", "question", "token_length"]


def rankings(lengths: tuple[int, ...] = LENGTHS, seed: int = 0) -> pd.DataFrame:
    """Every head by two methods in two models: much the same at all questions and lengths."""
    rng = np.random.default_rng(seed)
    layer, head = np.divmod(np.arange(LAYERS * HEADS), HEADS)
    frames = []
    for method, model in product(METHODS, MODELS):
        base = rng.normal(size=layer.size)
        for question, length in product(QUESTIONS, lengths):
            score = base + 0.3 * rng.normal(size=layer.size)
            rank = np.argsort(np.argsort(-score)) + 1
            asked = dict(zip(AXES, (method, model, question, length), strict=True))
            frames.append(
                pd.DataFrame({**asked, "layer": layer, "head": head, "score": score, "rank": rank})
            )
    return pd.concat(frames, ignore_index=True)


def ablations(lengths: tuple[int, ...] = LENGTHS) -> pd.DataFrame:
    """The best heads take more of an accuracy of 0.9 than two random sets each do."""
    rows = []
    for asked in product(METHODS, MODELS, QUESTIONS, lengths):
        sets = [(k, kind) for k in KS for kind in ("hero", "random", "random")]
        for place, (k, kind) in enumerate(sets):
            left = 0.9 - (0.1 if kind == "hero" else 0.01) * k - 0.001 * place
            rows.append((*asked, k, kind, left, 0.9))
    return pd.DataFrame(
        rows, columns=[*AXES, "n_heads", "set_type", "accuracy", "baseline_accuracy"]
    )
