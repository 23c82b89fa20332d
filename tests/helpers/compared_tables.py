"""Small tables of rankings and accuracies with everything that a comparison must get right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pandas as pd

from circuit_scaling.analysis.retrieval.comparison.compared import Found
from circuit_scaling.analysis.retrieval.comparison.every import (
    accuracies_compared,
    rankings_compared,
)
from circuit_scaling.analysis.retrieval.comparison.roles import ModelPair
from circuit_scaling.analysis.retrieval.comparison.settings import ComparisonSettings
from circuit_scaling.tables.retrieval import (
    ABLATION_RESULTS,
    HEAD_RANKINGS,
    JOINT_ANSWERS,
    JOINT_SCORES,
)
from circuit_scaling.tables.table import Table
from circuit_scaling.vocabulary import QuestionKind

METHODS = ("summed_attention", "wu24", "mine")
MODELS = ("tiny_base", "tiny_instruct", "big", "big_instruct")
QUESTIONS = ("hq_state", "inc_year", "inc_state", "employee_count")
LENGTHS = (64, 128, 1024)
HEADS = tuple(product((0, 1, 3), range(4)))  # nobody lists a head of layer 2
KS = (1, 2, 5)

Cell = tuple[str, str, str, int]


def head_rankings(seed: int = 0, keep: Callable[[Cell], bool] = lambda cell: True) -> pd.DataFrame:
    """Rankings in no order, some missing; `wu24` lists some heads, L0H2 in base models alone."""
    rng = np.random.default_rng(seed)
    rows = []
    for cell in product(METHODS, MODELS, QUESTIONS, LENGTHS):
        scores = {head: float(rng.gamma(1 + sum(head))) for head in HEADS}
        if cell[0] == "wu24":
            scores = {head: score for head, score in scores.items() if score > 1.5}
            if cell[1].endswith("instruct"):
                scores.pop((0, 2), None)
        missing = rng.random() < 0.1 or cell[:2] == ("mine", "big_instruct")
        if missing or not keep(cell):
            continue
        ranked = sorted(scores, key=lambda head: -scores[head])
        for rank, head in enumerate(ranked, 1):
            rows.append((*cell, *head, scores[head], rank))
    names = ["method", "model", "question", "token_length", "layer", "head", "score", "rank"]
    frame = pd.DataFrame(rows, columns=names).sample(frac=1, random_state=seed)
    return _as_imported(frame, HEAD_RANKINGS)


def ablation_results(
    seed: int = 0, keep: Callable[[Cell], bool] = lambda cell: True
) -> pd.DataFrame:
    """Accuracies in no order, of two kinds of ablation; `tiny_base` was not masked at 5 heads."""
    rng = np.random.default_rng(seed)
    rows = []
    for cell in product(METHODS, MODELS, QUESTIONS, LENGTHS):
        baseline, missing = float(rng.uniform(0.5, 1)), rng.random() < 0.1
        for ablation, k in product(("", "mean", "zero"), KS):
            draws = [("hero", 0), *(("random", draw) for draw in range(int(rng.integers(0, 4))))]
            for kind, draw in draws:
                accuracy = float(rng.random()) if rng.random() < 0.95 else np.nan
                masked = keep(cell) and not missing and (cell[1], k) != ("tiny_base", 5)
                if masked:
                    rows.append((*cell, k, kind, draw, ablation, accuracy, baseline))
    names = ["method", "model", "question", "token_length", "n_heads", "set_type", "draw"]
    frame = pd.DataFrame(rows, columns=[*names, "ablation", "accuracy", "baseline_accuracy"])
    return _as_imported(frame.sample(frac=1, random_state=seed), ABLATION_RESULTS)


def _as_imported(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """With what was not told missing or empty."""
    texts = dict.fromkeys(("family", "reason", "fingerprint"), "")
    lists = {name: [[]] * len(frame) for name in ("layers", "heads")}
    told = frame.reindex(columns=list(table.columns)).assign(**texts, **lists)
    return table.typed(told)


def found_without_samples(
    head_rankings: pd.DataFrame,
    ablation_results: pd.DataFrame,
    settings: ComparisonSettings,
    kinds: dict[str, QuestionKind],
    pairs: Sequence[ModelPair],
) -> list[Found]:
    """Every finding of tables of which no single samples are known, as of imported ones."""
    ranked = rankings_compared(head_rankings, JOINT_SCORES.empty(), settings, kinds, pairs)
    masked = accuracies_compared(ablation_results, JOINT_ANSWERS.empty(), kinds)
    return [*ranked.found, *masked.found]
