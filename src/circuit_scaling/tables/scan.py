"""The schemas of a scan."""

from __future__ import annotations

from circuit_scaling.tables.columns import (
    HEAD,
    HEAD_KEYS,
    MODEL,
    PROFILE_COLUMNS,
    SHAPE,
    count,
    flag,
    number,
    numbers,
    share,
    text,
)
from circuit_scaling.tables.table import Table
from circuit_scaling.vocabulary import ABLATION_MODES, POSITIONS

PROMPTS = Table(
    "prompts",
    {
        "prompt_id": text(),
        "task": text(),
        "template": text(),
        "order": text(),
        "text": text(),
        "tokens": numbers(),
        "answer": numbers(),
        "distractor": numbers(),
        "candidates": numbers(),
        "cluster": text(),
        "split": text("select", "test"),
        "data_seed": count(),
        "bos": flag(),
        "revision": text(),
        "fingerprint": text(),
    },
    keys=("prompt_id",),
)
HEAD_EFFECTS = Table(
    "head_effects",
    {
        **HEAD,
        "task": text(),
        "readout": text("contrast", "kl_to_clean", "token_loss"),
        "ablation": text(*ABLATION_MODES),
        "positions": text(*POSITIONS),
        "delta": number(),
        "se": number(nullable=True, at_least=0),
        "low": number(nullable=True),
        "high": number(nullable=True),
        "p": share(nullable=True),
        "se_templates": number(nullable=True, at_least=0),
        "q": share(nullable=True),
        "delta_logprob": number(nullable=True),
        "se_logprob": number(nullable=True, at_least=0),
        "n_prompts": count(),
        "n_clusters": count(),
        "settled": flag(nullable=True),
        **SHAPE,
        "clean_metric": number(),
        "effects": numbers(nullable=True),
        "attributions": numbers(),
        "fingerprint": text(),
    },
    keys=(*HEAD_KEYS, "task", "ablation", "positions"),
    every_head=True,
    lengths={"effects": "n_prompts"},
)
HEAD_ATTRIBUTIONS = Table(
    "head_attributions",
    {
        **HEAD,
        "task": text(),
        "method": text("attribution"),
        "ablation": text(*ABLATION_MODES),
        "positions": text(*POSITIONS),
        "delta": number(),
        "n_prompts": count(),
        **SHAPE,
        "fingerprint": text(),
    },
    keys=(*HEAD_KEYS, "task", "ablation", "positions"),
    may_be_empty=True,
    every_head=True,
)
HEAD_PROFILES = Table(
    "head_profiles",
    {**HEAD, **SHAPE, **{name: number() for name in PROFILE_COLUMNS}, "fingerprint": text()},
    keys=HEAD_KEYS,
    every_head=True,
)
COMPETENCE = Table(
    "competence",
    {
        **MODEL,
        "task": text(),
        "readout": text("contrast", "kl_to_clean", "token_loss"),
        "clean_metric": number(),
        "se": number(nullable=True, at_least=0),
        "low": number(nullable=True),
        "high": number(nullable=True),
        "accuracy": share(nullable=True),
        "accuracy_low": share(nullable=True),
        "accuracy_high": share(nullable=True),
        "candidate_accuracy": share(nullable=True),
        "n_prompts": count(),
        "n_clusters": count(),
        "most_clusters": count(nullable=True),
        "competent": flag(nullable=True),
    },
    keys=("family", "model", "task"),
    may_be_empty=True,
)
BOS_EFFECTS = Table(
    "bos_effects",
    {
        **HEAD,
        "task": text(),
        **{
            f"{name}_{version}": number(nullable=True)
            for version in ("with", "without")
            for name in ("delta", "se", "clean_metric", "accuracy", "accuracy_low", "accuracy_high")
        },
        "difference": number(),
        "low": number(nullable=True),
        "high": number(nullable=True),
        "q": share(nullable=True),
        "n_prompts": count(),
        **SHAPE,
        "fingerprint": text(),
    },
    keys=(*HEAD_KEYS, "task"),
    may_be_empty=True,
    every_head=True,
)
RUN_LOG = Table(
    "run_log",
    {
        "stage": text(),
        "model": text(),
        "seconds": number(at_least=0),
        "peak_memory_mb": number(at_least=0),
        "device": text(),
        "weights": text(),
        "threads": count(),
        "chunk": count(),
        "counted": text(
            *("heads", "sets of heads", "patched runs and paths", "questions", "answers")
        ),
        "per_second": number(at_least=0),
        "versions": text(),
    },
    keys=("stage", "model"),
    may_be_empty=True,
)
