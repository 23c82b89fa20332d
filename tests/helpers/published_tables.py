"""Stand-ins for the tables that the two studies published, with their findings and their defects.

No value is theirs: effects, ranks and accuracies are drawn so that published findings follow.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from circuit_scaling.analysis.retrieval.known_heads import published_retrieval_heads
from circuit_scaling.vocabulary import QUESTION_IDS, RETRIEVAL_METHODS

CORRELATIONS = {
    "gpt2": 0.10,
    "gpt2-medium": 0.15,
    "gpt2-large": 0.83,
    "gpt-neo-125m": 0.15,
    "opt-125m": 0.38,
    "pythia-70m": -0.22,
    "pythia-160m": -0.38,
    "pythia-410m": -0.53,
    "pythia-1b": 0.30,
}
SHAPES = {
    "gpt2": ("gpt2", 12, 12),
    "gpt2-medium": ("gpt2", 24, 16),
    "gpt2-large": ("gpt2", 36, 20),
    "gpt-neo-125m": ("gpt_neo", 12, 12),
    "opt-125m": ("opt", 12, 12),
    "pythia-70m": ("pythia", 6, 8),
    "pythia-160m": ("pythia", 12, 12),
    "pythia-410m": ("pythia", 24, 16),
    "pythia-1b": ("pythia", 16, 8),
}
HEROES = {
    "gpt2-large": {(34, 2): (-1.5, -1.4)},
    "pythia-160m": {(3, 0): (-2.0, 0.0), (5, 1): (0.0, -0.9), (4, 6): (-1.9, -0.8)},
}
"""Model -> head -> Δ_ioi and Δ_anti."""

Effects = dict[tuple[int, int], float]


def truncated_study(seed: int = 0) -> pd.DataFrame:
    """Nine models: two lists of strongest heads each, filled with zeros, Pythia's second but once.

    All sizes of Pythia have the effects on anti-repetition of the largest one, at heads that some
    of them do not have; their correlations with each model's own IOI effects are as published.
    """
    rng = np.random.default_rng(seed)
    of_pythia = _strongest(rng, "pythia-1b", 40, layers=12)
    of_pythia |= {head: anti for head, (_, anti) in HEROES["pythia-160m"].items() if anti}
    of_pythia.pop((3, 0), None)
    frames = []
    for model, (family, *_) in SHAPES.items():
        n = 20 if family in ("gpt_neo", "opt") else 40
        anti = dict(of_pythia) if family == "pythia" else _strongest(rng, model, n)
        heroes = HEROES.get(model, {})
        anti |= {head: delta for head, (_, delta) in heroes.items() if delta}
        in_both = int(n * (0.45 + 0.4 * CORRELATIONS[model]))
        ioi = _strongest(rng, model, n, among=[h for h in anti if h not in heroes][:in_both])
        ioi = {head: delta for head, delta in ioi.items() if head not in heroes}
        ioi |= {head: delta for head, (delta, _) in heroes.items() if delta}
        frames.append(_rows(model, _correlated(ioi, anti, CORRELATIONS[model], set(heroes)), anti))
    return pd.concat(frames, ignore_index=True)


def whole_study(correlations: dict[str, float], seed: int = 0) -> pd.DataFrame:
    """Full scans of some of the models, whose effects on both tasks correlate as asked."""
    rng = np.random.default_rng(seed)
    frames = []
    for model, corr in correlations.items():
        _, layers, heads = SHAPES[model]
        every = list(product(range(layers), range(heads)))
        anti = dict(zip(every, 0.1 * rng.standard_t(4, len(every)), strict=True))
        ioi = dict(zip(every, 0.1 * rng.standard_t(4, len(every)), strict=True))
        frames.append(_rows(model, _correlated(ioi, anti, corr, set()), anti))
    return pd.concat(frames, ignore_index=True)


def _strongest(
    rng: np.random.Generator,
    model: str,
    n: int,
    layers: int | None = None,
    among: list[tuple[int, int]] | None = None,
) -> Effects:
    """A list of ``n`` heads with negative effects, some of them ``among`` given ones."""
    _, n_layers, n_heads = SHAPES[model]
    every = list(product(range(layers or n_layers), range(n_heads)))
    first = list(among or [])
    rest = [every[at] for at in rng.permutation(len(every)) if every[at] not in set(first)]
    sizes = np.sort(0.06 + 0.25 * rng.exponential(size=n))[::-1]
    return dict(zip([*first, *rest][:n], -sizes, strict=False))


def _correlated(ioi: Effects, anti: Effects, corr: float, kept: set[tuple[int, int]]) -> Effects:
    """``ioi`` with as much of ``anti`` added, at heads of both lists, as gives the correlation."""
    heads = sorted(ioi | anti)
    a = np.array([anti.get(head, 0.0) for head in heads])
    x = np.array([ioi.get(head, 0.0) for head in heads])
    added = a * np.array([head in ioi and head in anti and head not in kept for head in heads])

    def off(much: float) -> float:
        return float(np.corrcoef(x + much * added, a)[0, 1] - corr)

    much = brentq(off, -3, 3)
    return {h: d for h, d in zip(heads, x + much * added, strict=True) if h in ioi}


def _rows(model: str, ioi: Effects, anti: Effects) -> pd.DataFrame:
    heads = sorted(ioi | anti)
    return pd.DataFrame(
        {
            "family": SHAPES[model][0],
            "model": model,
            "layer": [layer for layer, _ in heads],
            "head": [head for _, head in heads],
            "delta_ioi": [ioi.get(head, 0.0) for head in heads],
            "delta_anti": [anti.get(head, 0.0) for head in heads],
        }
    )


LENGTHS = (2048, 4096, 6144, 8192)
KS = (5, 10, 20, 30, 40, 50)
Q1 = {
    "inc_state": (5.9, 4.9, 11.7, 20.1, 24.4, 26.0),
    "inc_year": (9.8, 13.2, 12.9, 20.3, 30.7, 42.6),
    "employee_count": (5.4, 9.1, 14.9, 21.8, 26.4, 28.7),
    "hq_state": (4.3, 7.2, 12.3, 22.6, 25.2, 26.1),
}
_BY_LENGTH = {2048: 34.4, 4096: 37.3, 6144: 27.1, 8192: 24.7}
_BY_MODEL = {"instruct": -5.95, "base": 5.95}
_RANDOM = {"summed_attention": 4.0, "wu24": 3.7, "qrhead": 1.1}


def study_accuracies() -> pd.DataFrame:
    """Baselines of 90 %, and without heads what the study's averages at 50 heads say."""
    mean_length = float(np.mean(list(_BY_LENGTH.values())))
    rows = []
    for method, model, question, length in product(
        RETRIEVAL_METHODS, _BY_MODEL, QUESTION_IDS, LENGTHS
    ):
        asked = {"method": method, "model": model, "question": question, "token_length": length}
        for place, k in enumerate(KS):
            of_all = (_BY_MODEL[model] + _BY_LENGTH[length] - mean_length) * k / 50
            falls = {"hero": Q1[question][place] + of_all, "random": _RANDOM[method] * k / 50}
            rows += [
                {
                    **asked,
                    "n_heads": k,
                    "set_type": kind,
                    "accuracy": 0.9 - fall / 100,
                    "baseline_accuracy": 0.9,
                }
                for kind, fall in falls.items()
            ]
    return pd.DataFrame(rows)


def study_rankings(seed: int = 0) -> pd.DataFrame:
    """Llama-3-8B by three methods; beyond 4,096 tokens Summed Attention ranks other heads.

    Heads that others have published for these models score high. The others list their best 300.

    By Wu24, L17H28 goes from the first rank to rank 271, and the second head of every ranking has
    24.3 % less than the first; by Summed Attention, L31H14 goes from the last rank to the first.
    """
    rng = np.random.default_rng(seed)
    layer, head = np.divmod(np.arange(1024), 32)
    published = published_retrieval_heads()
    found = published[published["checkpoint"].str.startswith("meta-llama/Meta-Llama-3-8B")]
    known = np.where(np.isin(32 * layer + head, 32 * found["layer"] + found["head"]), 50.0, 1.0)
    base = {method: known * rng.gamma(0.5, 1.0, 1024) for method in RETRIEVAL_METHODS}
    late = known * rng.gamma(0.5, 1.0, 1024)
    frames = []
    for method, model, question, length in product(
        RETRIEVAL_METHODS, _BY_MODEL, QUESTION_IDS, LENGTHS
    ):
        without_rotary = method == "summed_attention" and length > 4096
        score = (late if without_rotary else base[method]) * np.exp(0.2 * rng.normal(size=1024))
        rank = np.argsort(np.argsort(-score, kind="stable"), kind="stable") + 1
        if method == "summed_attention":
            rank = _placed(rank, 31 * 32 + 14, 1 if without_rotary else 1024)
        if method == "wu24":
            rank = _placed(rank, 17 * 32 + 28, 1 if question == "inc_year" else 271)
        score = 0.757 ** (rank - 1.0) if method == "wu24" else 0.966 ** (rank - 1.0)
        asked = {"method": method, "model": model, "question": question, "token_length": length}
        ranked = pd.DataFrame({**asked, "layer": layer, "head": head, "score": score, "rank": rank})
        listed = 1024 if method == "summed_attention" else 300
        frames.append(ranked[ranked["rank"] <= listed])
    return pd.concat(frames, ignore_index=True)


def _placed(rank: np.ndarray, at: int, place: int) -> np.ndarray:
    """The ranking with one head at another place, the others closing up around it."""
    others = np.delete(np.argsort(rank, kind="stable"), rank[at] - 1)
    order = np.insert(others, place - 1, at)
    placed = np.empty_like(rank)
    placed[order] = np.arange(1, len(rank) + 1)
    return placed
