"""The schemas of the study of retrieval heads: detection, masking, comparison, import."""

from __future__ import annotations

from dataclasses import replace

from pandera.pandas import Column

from circuit_scaling.tables import scan
from circuit_scaling.tables.columns import (
    HEAD,
    MODEL,
    SHAPE,
    count,
    flag,
    number,
    numbers,
    share,
    text,
    texts,
)
from circuit_scaling.tables.table import Table
from circuit_scaling.vocabulary import (
    ABLATION_MODES,
    ANSWER_KINDS,
    EVERY_QUESTION,
    MASKED_SETS,
    QUESTION_FORMS,
    QUESTION_IDS,
    QUESTION_SPLITS,
    RETRIEVAL_METHODS,
)

_ASKED = {"question": text(*QUESTION_IDS), "token_length": count()}


QUESTIONS = Table(
    "questions",
    {
        "question_id": text(),
        "filing": text(),
        "question": text(*QUESTION_IDS),
        "kind": text(*ANSWER_KINDS),
        "split": text(*QUESTION_SPLITS),
        "token_length": count(),
        "depth": share(),
        "form": text(*QUESTION_FORMS),
        "tokens": numbers(),
        "needle_start": count(),
        "needle_end": count(),
        "needle_length": count(),
        "truncated": flag(),
        "answer_in_needle": flag(),
        "query_start": count(),
        "null_tokens": numbers(),
        "answer": text(),
        "answer_tokens": numbers(),
        "data_seed": count(),
        "bos": flag(),
        "revision": text(),
        "fingerprint": text(),
    },
    keys=("question_id",),
    lengths={"tokens": "token_length"},
)
JOINT_QUESTIONS = Table(
    "joint_questions",
    {**MODEL, **QUESTIONS.columns},
    keys=("family", "model", "question_id"),
    lengths={"tokens": "token_length"},
)
QUESTION_COUNTS = Table(
    "question_counts",
    {**MODEL, "counted": text(), "number": count()},
    keys=("family", "model", "counted"),
)
RETRIEVAL_SCORES = Table(
    "retrieval_scores",
    {
        **HEAD,
        "method": text(*RETRIEVAL_METHODS),
        **_ASKED,
        "score": number(nullable=True),
        "score_study": number(nullable=True),
        "n_samples": count(),
        "n_asked": count(),
        "scores": numbers(),
        **SHAPE,
        "fingerprint": text(),
    },
    keys=("family", "model", "method", "question", "token_length", "layer", "head"),
    every_head=True,
    lengths={"scores": "n_asked"},
)
DECODED_ANSWERS = Table(
    "decoded_answers",
    {
        **MODEL,
        "question_id": text(),
        **_ASKED,
        "filing": text(),
        "answer": text(),
        "generated": text(),
        "tokens": numbers(),
        "answer_start": count(),
        "answer_end": count(),
        "right": flag(),
        "right_study": flag(),
        **SHAPE,
        "fingerprint": text(),
    },
    keys=("family", "model", "question_id"),
)
COPIED_TOKENS = Table(
    "copied_tokens",
    {
        **HEAD,
        "question_id": text(),
        "place": count(),
        "token": count(),
        "score": number(at_least=0),
        **SHAPE,
        "fingerprint": text(),
    },
    keys=("family", "model", "question_id", "place", "layer", "head"),
    may_be_empty=True,
)
DETECT_LOG = replace(scan.RUN_LOG, name="detect_log")
MODEL_RANKINGS = Table(
    "model_rankings",
    {
        "method": text(*RETRIEVAL_METHODS),
        **MODEL,
        **_ASKED,
        "layer": count(),
        "head": count(),
        "score": number(nullable=True),
        "rank": count(),
        "score_study": number(nullable=True),
        "rank_study": count(),
        "n_samples": count(),
        "n_asked": count(),
        "accuracy": share(),
        "accuracy_low": share(),
        "accuracy_high": share(),
        "floor": share(),
        "answered": flag(),
        **SHAPE,
        "fingerprint": text(),
    },
    keys=("family", "model", "method", "question", "token_length", "layer", "head"),
    every_head=True,
)
# Of all models: measured here, or elsewhere with methods and questions of any name, heads that a
# method does not list, and neither samples nor answers. A missing question is `all`, a length 0.
HEAD_RANKINGS = Table(
    "head_rankings",
    {
        **MODEL_RANKINGS.columns,
        "method": text(),
        "question": text(),
        "rank_study": count(nullable=True),
        "n_samples": count(nullable=True),
        "n_asked": count(nullable=True),
        **dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high"), share(nullable=True)),
        "floor": share(nullable=True),
        "answered": flag(nullable=True),
        **dict.fromkeys(SHAPE, count(nullable=True)),
    },
    keys=MODEL_RANKINGS.keys,
    may_be_empty=True,
)
JOINT_SCORES = Table(
    "joint_scores",
    {
        **MODEL,
        "method": text(*RETRIEVAL_METHODS),
        **_ASKED,
        # Of the samples that count in the mean, which is the score: [samples].
        "filings": texts(),
        # [samples, layers, heads], flat.
        "scores": numbers(),
        **SHAPE,
        "fingerprint": text(),
    },
    keys=("family", "model", "method", "question", "token_length"),
    may_be_empty=True,
)

KNOWN_RETRIEVAL_HEADS = Table(
    "known_retrieval_heads",
    {
        **HEAD,
        "checkpoint": text(),
        "list": text(),
        "published_method": text("wu24", "qrhead", "core"),
        "published_rank": count(),
        "published_score": number(nullable=True),
        "method": text(*RETRIEVAL_METHODS),
        **_ASKED,
        "answered": flag(),
        "score": number(nullable=True),
        "rank": count(nullable=True),
        "k": count(),
        "in_top_k": flag(nullable=True),
        "n_heads_measured": count(),
        "verdict": text("among the best", "not among the best", "no score", "outside the shape"),
        "source": text(),
    },
    keys=("family", "model", "list", "layer", "head", "method", "question", "token_length"),
    may_be_empty=True,
)

MASKED_HEADS = Table(
    "masked_heads",
    {
        **MODEL,
        "set_id": text(),
        **_ASKED,
        "set_type": text(*MASKED_SETS),
        "method": text("", *RETRIEVAL_METHODS),
        "n_masked": count(),
        "draw": count(),
        "layers": numbers(),
        "heads": numbers(),
        "reason": text(),
        **SHAPE,
        "fingerprint": text(),
    },
    keys=("family", "model", "set_id"),
)
RETRIEVAL_ANSWERS = Table(
    "retrieval_answers",
    {
        **MODEL,
        "set_id": text(),
        "ablation": text("zero", "mean"),
        "question_id": text(),
        **_ASKED,
        "filing": text(),
        "answer": text(),
        "generated": text(),
        "right": flag(),
        "right_study": flag(),
        "answer_logprob": number(),
        **SHAPE,
        "fingerprint": text(),
    },
    keys=("family", "model", "set_id", "ablation", "question_id"),
)
MASK_LOG = replace(scan.RUN_LOG, name="mask_log")
MODEL_ABLATIONS = Table(
    "model_ablations",
    {
        "method": text(*RETRIEVAL_METHODS),
        **MODEL,
        **_ASKED,
        "n_heads": count(),
        "set_type": text(*MASKED_SETS[1:]),
        "draw": count(),
        "ablation": text(*ABLATION_MODES),
        "accuracy": share(nullable=True),
        "baseline_accuracy": share(),
        "accuracy_study": share(nullable=True),
        "baseline_accuracy_study": share(),
        "answer_logprob": number(nullable=True),
        "baseline_answer_logprob": number(),
        "n_samples": count(),
        "layers": numbers(),
        "heads": numbers(),
        "reason": text(),
        "fingerprint": text(),
    },
    keys=(
        *("family", "model", "method", "question", "token_length"),
        *("ablation", "set_type", "n_heads", "draw"),
    ),
)
# Of all models, measured here or elsewhere: see HEAD_RANKINGS. An ablation that is not told is "".
ABLATION_RESULTS = Table(
    "ablation_results",
    {
        **MODEL_ABLATIONS.columns,
        "method": text(),
        "question": text(),
        "ablation": text(),
        "accuracy_study": share(nullable=True),
        "baseline_accuracy_study": share(nullable=True),
        "baseline_answer_logprob": number(nullable=True),
        "n_samples": count(nullable=True),
    },
    keys=MODEL_ABLATIONS.keys,
    may_be_empty=True,
)
JOINT_ANSWERS = Table(
    "joint_answers",
    {
        "method": text(*RETRIEVAL_METHODS),
        **MODEL,
        **_ASKED,
        "ablation": text(*ABLATION_MODES),
        "set_type": text(*MASKED_SETS[1:]),
        "n_heads": count(),
        "draw": count(),
        # [samples]; right is 0 or 1, without the heads and with all of them.
        "filings": texts(),
        "right": numbers(),
        "baseline_right": numbers(),
        # Of the clean model: what always giving the commonest answer reaches, and whether the
        # interval of its accuracy is above that.
        "floor": share(),
        "answered": flag(),
        "fingerprint": text(),
    },
    keys=MODEL_ABLATIONS.keys,
    may_be_empty=True,
)


def _with_interval(name: str) -> dict[str, Column]:
    return {f"{name}{end}": number(nullable=True) for end in ("", "_low", "_high")}


MASKING_SUMMARY = Table(
    "masking_summary",
    {
        "method": text(*RETRIEVAL_METHODS),
        **MODEL,
        "question": text(*QUESTION_IDS, EVERY_QUESTION),
        "token_length": count(),
        "ablation": text(*ABLATION_MODES),
        "n_heads": count(),
        "n_samples": count(),
        "n_filings": count(),
        "floor": share(nullable=True),
        "answered": flag(),
        **{
            name: column
            for measure in ("accuracy", "answer_logprob")
            for part in ("baseline_", "", "random_")
            for name, column in _with_interval(f"{part}{measure}").items()
        },
        **{
            name: column
            for measure in ("accuracy", "answer_logprob")
            for name, column in {
                f"random_{measure}_from": number(nullable=True),
                f"random_{measure}_to": number(nullable=True),
                # Top heads minus the mean of the random sets, paired over the same questions.
                **_with_interval(f"{measure}_difference"),
                f"p_{measure}": share(nullable=True),
            }.items()
        },
        "n_random": count(),
        "reason": text(),
        "fingerprint": text(),
    },
    keys=("family", "model", "method", "question", "token_length", "ablation", "n_heads"),
)

RETRIEVAL_FINDINGS = Table(
    "retrieval_findings",
    {
        "finding": text(),
        # The keys of the finding, joined by |.
        "group": text(),
        "value": number(),
        "ci_low": number(nullable=True),
        "ci_high": number(nullable=True),
        # Of how many configurations, pairs or heads the value is.
        "n": count(),
    },
    keys=("finding", "group"),
)
ABSENT_FINDINGS = Table(
    "absent_findings",
    # Of how many groups the reason is; group is one of them, or "" where it is of all.
    {"finding": text(), "group": text(), "n_groups": count(), "reason": text()},
    keys=("finding", "group"),
    may_be_empty=True,
)
RETRIEVAL_CHECKS = Table(
    "retrieval_checks",
    {
        "table": text("head_rankings", "ablation_results"),
        "check": text(),
        # Noted is what may be right and should be known.
        "outcome": text("passed", "noted", "suspect", "not possible"),
        # Which rows it is about, such as `qrhead, mini_llama`; "" for the whole table.
        "where": text(),
        "n_rows": count(),
        "detail": text(),
        "cause": text(),
    },
    keys=("table", "check", "where"),
)
