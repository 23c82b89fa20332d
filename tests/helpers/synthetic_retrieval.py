"""Made-up tables of the retrieval pipelines, of the shape and size that they write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from circuit_scaling.tables.registry import ALL_TABLES
from circuit_scaling.vocabulary import QUESTION_IDS, RETRIEVAL_METHODS
from tests.helpers import synthetic_tables

FLOORS = {"inc_state": 0.3, "inc_year": 0.1, "employee_count": 0.1, "hq_state": 0.2}
N_FILINGS = 12


@dataclass(frozen=True)
class Asked:
    """A model of the retrieval roster, and what it answers."""

    slug: str
    family: str
    layers: int
    heads: int
    lengths: tuple[int, ...]
    ks: tuple[int, ...]
    fails: frozenset[str] = field(default=frozenset())


MINI = Asked("mini_llama", "mini_llama", 4, 16, (96, 128, 192, 256), (1, 2, 3))
INSTRUCT = Asked(
    *("mini_llama_instruct", "mini_llama", 4, 16, (96, 128, 192, 256), (1, 2, 3)),
    frozenset({"hq_state"}),
)
SMOLLM = Asked(
    "smollm2_135m_instruct", "llama", 30, 9, (256, 1024), (5, 13), frozenset({"hq_state"})
)
LLAMA = Asked("llama3_8b", "llama3", 32, 32, (2048, 4096, 6144, 8128), (5, 10, 20, 30, 40, 50))
DUMB = Asked("random_llama", "mini_llama", 4, 16, (96, 128), (1, 2, 3), frozenset(QUESTION_IDS))
MODELS = (MINI, INSTRUCT)


def _asked(model: Asked) -> Iterator[tuple[str, int]]:
    return ((question, length) for question in QUESTION_IDS for length in model.lengths)


def head_rankings(models: Sequence[Asked] = MODELS) -> pd.DataFrame:
    """A few heads read the document whatever the method, the others hardly; Wu24 finds few."""
    rng = np.random.default_rng(11)
    frames = []
    for model in models:
        n = model.layers * model.heads
        layer, head = np.divmod(np.arange(n), model.heads)
        readers = rng.choice(n, max(4, n // 40), replace=False)
        base = 0.02 * rng.random(n)
        base[readers] = rng.uniform(0.2, 0.9, len(readers))
        for method in RETRIEVAL_METHODS:
            for question, length in _asked(model):
                score = np.clip(base * rng.normal(1, 0.1, n), 0, 1)
                if method == "wu24":
                    score = np.where(score > 0.1, 0.01 * score, 0.0)
                if method == "qrhead":
                    score = 0.3 * score - 0.002
                fails = question in model.fails
                order = np.argsort(-score, kind="stable")
                rank = np.empty(n, dtype=int)
                rank[order] = np.arange(1, n + 1)
                frames.append(
                    pd.DataFrame(
                        {
                            "method": method,
                            "family": model.family,
                            "model": model.slug,
                            "question": question,
                            "token_length": length,
                            "layer": layer,
                            "head": head,
                            "score": np.nan if fails and method == "wu24" else score,
                            "rank": rank,
                            "score_study": score * (N_FILINGS if method != "qrhead" else 1),
                            "rank_study": rank,
                            "n_samples": 0 if fails and method == "wu24" else N_FILINGS,
                            "n_asked": N_FILINGS,
                            "accuracy": 0.25 if fails else 0.95,
                            "accuracy_low": 0.05 if fails else 0.74,
                            "accuracy_high": 0.57 if fails else 1.0,
                            "floor": FLOORS[question],
                            "answered": not fails,
                            "n_layers": model.layers,
                            "n_heads": model.heads,
                            "fingerprint": "0f",
                        }
                    )
                )
    return pd.concat(frames, ignore_index=True)


def masking_summary(
    models: Sequence[Asked] = MODELS,
    ablations: Sequence[str] = ("zero",),
    random_ks: str = "all",
) -> pd.DataFrame:
    """The best heads by Summed Attention take all answers, those by Wu24 half, random ones few."""
    rng = np.random.default_rng(12)
    left = {"summed_attention": 0.04, "wu24": 0.5, "qrhead": 0.15}
    rows = []
    for model in models:
        asked = [*_asked(model), *(("all", length) for length in model.lengths)]
        for ablation in ablations:
            for question, length in asked:
                none = len(model.fails) == len(QUESTION_IDS)
                if question == "all" and none:
                    continue
                able = question not in model.fails
                clean = rng.uniform(0.9, 1.0) if able else 0.25
                for k in model.ks:
                    random = clean * (1 - 0.1 * k / model.ks[-1] * rng.random())
                    drawn = random_ks == "all" or k == model.ks[-1]
                    for method in RETRIEVAL_METHODS:
                        part = k / model.ks[-1]
                        kept = clean * (1 - part * (1 - left[method]))
                        rows.append(
                            {
                                "method": method,
                                "family": model.family,
                                "model": model.slug,
                                "question": question,
                                "token_length": length,
                                "ablation": ablation,
                                "n_heads": k,
                                "n_samples": N_FILINGS * (4 if question == "all" else 1),
                                "n_filings": N_FILINGS,
                                "floor": FLOORS.get(question, 0.175),
                                "answered": able,
                                **_level("baseline_accuracy", clean),
                                **_level("accuracy", kept),
                                **_level("random_accuracy", random if drawn else np.nan),
                                **_level("baseline_answer_logprob", -0.1, None),
                                **_level("answer_logprob", -0.1 - 6 * part, None),
                                **_level("random_answer_logprob", -0.3 if drawn else np.nan, None),
                                "random_accuracy_from": max(random - 0.1, 0) if drawn else np.nan,
                                "random_accuracy_to": min(random + 0.05, 1) if drawn else np.nan,
                                **_level(
                                    "accuracy_difference", kept - random if drawn else np.nan, None
                                ),
                                "p_accuracy": 1 / 11 if drawn else np.nan,
                                "random_answer_logprob_from": -0.5 if drawn else np.nan,
                                "random_answer_logprob_to": -0.2 if drawn else np.nan,
                                **_level(
                                    "answer_logprob_difference",
                                    0.2 - 6 * part if drawn else np.nan,
                                    None,
                                ),
                                "p_answer_logprob": 1 / 11 if drawn else np.nan,
                                "n_random": 10 if drawn else 0,
                                "reason": "",
                                "fingerprint": "0f",
                            }
                        )
    return pd.DataFrame(rows)[list(ALL_TABLES["masking_summary"].columns)]


def _level(name: str, value: float, most: float | None = 1.0) -> dict[str, float]:
    """A value with an interval around it; of shares it ends at 0 and 1."""
    low, high = value - 0.08, value + 0.06
    if most is not None:
        low, high = np.clip([low, high], 0, most)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def ablation_results(models: Sequence[Asked] = MODELS) -> pd.DataFrame:
    """Top sets and two random ones, the last of which does not exist."""
    frames = []
    for model in models:
        for method in RETRIEVAL_METHODS:
            for question, length in _asked(model):
                for k in model.ks:
                    for set_type, draw in (("hero", 0), ("random", 0), ("random", 1)):
                        gone = draw == 1
                        places = np.arange(k) * 3 + draw
                        frames.append(
                            {
                                "method": method,
                                "family": model.family,
                                "model": model.slug,
                                "question": question,
                                "token_length": length,
                                "n_heads": k,
                                "set_type": set_type,
                                "draw": draw,
                                "ablation": "zero",
                                "accuracy": np.nan if gone else 0.1 if set_type == "hero" else 0.9,
                                "baseline_accuracy": 0.95,
                                "accuracy_study": np.nan if gone else 0.5,
                                "baseline_accuracy_study": 1.0,
                                "answer_logprob": np.nan if gone else -2.0,
                                "baseline_answer_logprob": -0.1,
                                "n_samples": N_FILINGS,
                                "layers": [] if gone else (places // model.heads).tolist(),
                                "heads": [] if gone else (places % model.heads).tolist(),
                                "reason": "too few heads are left" if gone else "",
                                "fingerprint": "0f",
                            }
                        )
    return pd.DataFrame(frames)


def question_counts(models: Sequence[Asked] = MODELS) -> pd.DataFrame:
    counted = {"filings": 100, "filings_without_text": 2, "inc_year_unusable": 3}
    return pd.DataFrame(
        [
            {"family": model.family, "model": model.slug, "counted": name, "number": number}
            for model in models
            for name, number in counted.items()
        ]
    )


def log(stage: str, models: Sequence[Asked] = MODELS) -> pd.DataFrame:
    of_scan = synthetic_tables.run_log(synthetic_tables.MODELS[: len(models)])
    return of_scan.assign(stage=stage, model=[model.slug for model in models], counted="samples")


def zoo_answers() -> pd.DataFrame:
    """How often an embedded model that reads documents is right."""
    return pd.DataFrame(
        {
            "model": "mini_reader",
            "question": ["inc_state", "inc_state", "hq_state", "hq_state"],
            "form": "cue",
            "token_length": [96, 256] * 2,
            "accuracy": [0.98, 0.95, 0.99, 0.91],
            "n_questions": 100,
        }
    )
