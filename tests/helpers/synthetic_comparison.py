"""Made-up rankings and masked accuracies of any methods, models, questions and lengths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations, product

import numpy as np
import pandas as pd

from circuit_scaling.analysis.retrieval.comparison.compared import Masked, Ranked
from circuit_scaling.analysis.retrieval.comparison.findings import as_tables
from circuit_scaling.analysis.retrieval.comparison.roles import model_pairs, question_kinds
from circuit_scaling.analysis.retrieval.comparison.settings import ComparisonSettings
from circuit_scaling.analysis.retrieval.comparison.study_masking import masking_findings
from circuit_scaling.analysis.retrieval.comparison.study_rankings import ranking_findings
from circuit_scaling.tables.retrieval import RETRIEVAL_CHECKS
from circuit_scaling.vocabulary import QUESTION_IDS, RETRIEVAL_METHODS

SETTINGS = ComparisonSettings(top=6, layer_top=4, frequent=10, consensus_rank=8, n_boot=1)


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


def tables(compared: Compared, settings: ComparisonSettings = SETTINGS) -> dict[str, pd.DataFrame]:
    """The three tables of the comparison, with made-up intervals, chance levels and ceilings.

    Every value but counts and extremes has an interval a tenth of it to each side.
    """
    pairs = model_pairs(list(compared.models), ())
    kinds = question_kinds(list(compared.questions), {})
    ranked, masked = Ranked.of(head_rankings(compared)), Masked.of(ablation_results(compared))
    found = [
        *ranking_findings(ranked, settings, kinds, pairs),
        *masking_findings(masked, kinds),
    ]
    findings, absent = as_tables(found)
    width = 0.1 * findings["value"].abs()
    without = findings["finding"].isin(["f5_rank_min", "f5_rank_max", "f1_consensus"])
    findings["ci_low"] = (findings["value"] - width).mask(without)
    findings["ci_high"] = (findings["value"] + width).mask(without)
    levels = [
        *_levels("ranking_ceiling", compared.methods, 0.8),
        *_levels("universal_share_chance", compared.methods, 0.1),
        *_levels("method_overlap_chance", permutations(compared.methods, 2), 0.04),
        *_levels("method_pair_chance", permutations(compared.methods, 2), 0.2),
        *_levels("question_union_chance", combinations(compared.questions, 2), 0.3),
        *_levels("answer_floor", compared.questions, 0.15),
    ]
    for name in ("question", "length", "model"):
        levels += _levels(f"{name}_overlap_chance", compared.methods, 0.05)
    return {
        "retrieval_findings": pd.concat([findings, pd.DataFrame(levels)], ignore_index=True),
        "absent_findings": absent,
        "retrieval_checks": pd.DataFrame(columns=list(RETRIEVAL_CHECKS.columns)),
    }


def _levels(
    finding: str, groups: Iterable[str | tuple[str, ...]], value: float
) -> list[dict[str, object]]:
    """Rows of a finding, each a little higher than the one before."""
    names = [group if isinstance(group, str) else "|".join(group) for group in groups]
    none = {"ci_low": np.nan, "ci_high": np.nan, "n": 1}
    return [
        {"finding": finding, "group": name, "value": value + 0.01 * place, **none}
        for place, name in enumerate(names)
    ]
