"""Scores and answers of filings that are drawn from known populations, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.analysis.retrieval.comparison.compared import Axes, Masked
from circuit_scaling.tables.retrieval import (
    ABLATION_RESULTS,
    HEAD_RANKINGS,
    JOINT_ANSWERS,
    JOINT_SCORES,
)
from circuit_scaling.vocabulary import QUESTION_IDS, RETRIEVAL_METHODS

Values = NDArray[np.float64]

MODELS = ("mini_llama", "mini_llama_instruct")
KS = (4, 12)
N_RANDOM = 3
FLOOR = 0.2
_NORMAL = NormalDist()


class Study(NamedTuple):
    """What is compared, and the shape of the models."""

    methods: tuple[str, ...] = RETRIEVAL_METHODS
    models: tuple[str, ...] = MODELS
    questions: tuple[str, ...] = QUESTION_IDS
    lengths: tuple[int, ...] = (96, 128, 256)
    layers: int = 4
    heads: int = 16

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Sizes of the axes."""
        return len(self.methods), len(self.models), len(self.questions), len(self.lengths)

    def keys(self) -> list[dict[str, object]]:
        """Of every configuration, in the order of the axes."""
        names = ("method", "model", "question", "token_length")
        return [
            dict(zip(names, cell, strict=True), family="mini_llama", fingerprint="")
            for cell in product(*self[:4])
        ]


SMALL = Study(("summed_attention", "qrhead"), MODELS, ("inc_year", "hq_state"), (96,), 3, 8)


@dataclass(frozen=True)
class Heads:
    """A population of filings on which heads score.

    Attributes:
        study: what is compared.
        means: of the scores, [methods, models, questions, lengths, heads].
        noise: standard deviation over filings, one for all or of the shape of ``means``.
        common: share of its variance that a filing has in all configurations, head by head.
    """

    study: Study
    means: Values
    noise: float | Values
    common: float = 0.5

    @classmethod
    def alike(cls, study: Study, noise: float, seed: int = 0, alike: float = 0.7) -> Heads:
        """Skewed means, of whose variance the share ``alike`` is the same in all configurations."""
        rng = np.random.default_rng(seed)
        n = study.layers * study.heads
        every, own = rng.standard_normal(n), rng.standard_normal((*study.shape, n))
        means = np.exp(np.sqrt(alike) * every + np.sqrt(1 - alike) * own)
        return cls(study, means, noise * means)

    def drawn(self, n_filings: int, rng: np.random.Generator) -> Values:
        """Scores [methods, models, questions, lengths, filings, heads]."""
        *cells, heads = self.means.shape
        every = rng.standard_normal((n_filings, heads))
        own = rng.standard_normal((*cells, n_filings, heads))
        noise = np.sqrt(self.common) * every + np.sqrt(1 - self.common) * own
        scale = np.broadcast_to(np.asarray(self.noise), self.means.shape)
        return np.asarray(self.means[..., None, :] + scale[..., None, :] * noise)


def score_tables(study: Study, scores: Values) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``head_rankings`` and ``joint_scores``.

    Args:
        scores: [methods, models, questions, lengths, filings, heads]; a filing whose scores are NaN
            does not count in the ranking.
    """
    rankings, samples = [], []
    of_head = np.divmod(np.arange(study.layers * study.heads), study.heads)
    shape = {"n_layers": study.layers, "n_heads": study.heads}
    for keys, of_cell in zip(study.keys(), scores.reshape(-1, *scores.shape[-2:]), strict=True):
        counted = ~np.isnan(of_cell).any(axis=1)
        filings = [f"filing_{at:03d}" for at in np.flatnonzero(counted)]
        listed = {"filings": filings, "scores": of_cell[counted].ravel()}
        samples.append({**keys, **shape, **listed})
        mean = of_cell[counted].mean(axis=0) if counted.any() else np.full(len(of_head[0]), np.nan)
        rank = np.empty(len(mean))
        rank[np.argsort(-mean, kind="stable")] = np.arange(1, len(mean) + 1)
        told = {"layer": of_head[0], "head": of_head[1], "score": mean, "rank": rank}
        n = {"n_samples": counted.sum(), "n_asked": len(of_cell)}
        rankings.append(pd.DataFrame({**keys, **shape, **told, **n}))
    head_rankings = pd.concat(rankings).reindex(columns=list(HEAD_RANKINGS.columns))
    return HEAD_RANKINGS.typed(head_rankings), JOINT_SCORES.typed(pd.DataFrame(samples))


@dataclass(frozen=True)
class Answers:
    """A population of filings on which models answer, with all heads and without some.

    Attributes:
        study: what is compared.
        baseline: probability of a right answer with all heads, [models, questions, lengths].
        hero: without the best ``KS`` heads, [methods, models, questions, lengths, ks].
        random: without random heads, [models, questions, lengths, ks].
        alike: correlation of what a filing does in two configurations.
    """

    study: Study
    baseline: Values
    hero: Values
    random: Values
    alike: float = 0.5

    @classmethod
    def falling(cls, study: Study, seed: int = 0) -> Answers:
        """Answers that are mostly right, fall without the best heads and little without others."""
        rng = np.random.default_rng(seed)
        methods, *cells = study.shape
        baseline = rng.uniform(0.7, 0.98, cells)
        left = np.sort(rng.uniform(0.15, 0.95, (methods, *cells, len(KS))), axis=-1)[..., ::-1]
        hero = baseline[..., None] * left
        return cls(study, baseline, hero, baseline[..., None] * np.array([0.98, 0.93]))

    def expected(self) -> Masked:
        """The accuracies on all filings there could be."""
        baseline = np.broadcast_to(self.baseline, self.study.shape)
        random = np.broadcast_to(self.random, self.hero.shape)
        return Masked(Axes(*self.study[:4]), KS, baseline, self.hero, random)

    def drawn(self, n_filings: int, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
        """``ablation_results`` and ``joint_answers``."""
        methods, *cells = self.study.shape
        filings = [f"filing_{at:03d}" for at in range(n_filings)]
        filing = rng.standard_normal(n_filings)

        def right(probability: Values, asked: Values) -> Values:
            own = rng.standard_normal((*probability.shape, n_filings))
            latent = np.sqrt(0.7) * asked + np.sqrt(0.3) * own
            # Ranks of a normal variable are uniform.
            below = np.vectorize(_NORMAL.inv_cdf)(np.clip(probability, 1e-9, 1 - 1e-9))
            return (latent < below[..., None]).astype(np.float64)

        asked = rng.standard_normal((*cells, n_filings))
        asked = np.sqrt(self.alike) * filing + np.sqrt(1 - self.alike) * asked
        baseline = right(self.baseline, asked)
        hero = right(self.hero, asked[:, :, :, None])
        random = np.stack([right(self.random, asked[:, :, :, None]) for _ in range(N_RANDOM)])
        results, listed = [], []
        for at, keys in zip(np.ndindex(*self.study.shape), self.study.keys(), strict=True):
            clean = baseline[at[1:]]
            for place, k in enumerate(KS):
                sets = [("hero", 0, hero[at][place])]
                sets += [("random", d, random[d][at[1:]][place]) for d in range(N_RANDOM)]
                for set_type, draw, values in sets:
                    told = {**keys, "ablation": "zero", "set_type": set_type, "n_heads": k}
                    told["draw"] = draw
                    shares = {"accuracy": values.mean(), "baseline_accuracy": clean.mean()}
                    results.append({**told, **shares})
                    answers = {"filings": filings, "right": values, "baseline_right": clean}
                    listed.append({**told, **answers, "floor": FLOOR, "answered": True})
        frame = pd.DataFrame(results).reindex(columns=list(ABLATION_RESULTS.columns))
        lists = {name: [[]] * len(frame) for name in ("layers", "heads")}
        typed = ABLATION_RESULTS.typed(frame.assign(reason="", **lists))
        return typed, JOINT_ANSWERS.typed(pd.DataFrame(listed))
