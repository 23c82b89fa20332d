"""Whether stored questions, scores and answers still fit the configuration."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from circuit_scaling.commands import run_command
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.fingerprint import fingerprint_of
from circuit_scaling.interventions.version import ENGINE_VERSION
from circuit_scaling.measuring.retrieval.settings import MaskingSettings, RetrievalSettings
from circuit_scaling.measuring.shared.of_model import of_model, revision_of
from circuit_scaling.measuring.shared.stale import check_made_with
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.sources import identity_of
from circuit_scaling.prompts.needles.settings import NeedleSettings, asked_questions

Sources = tuple[pd.DataFrame, pd.DataFrame, str]
"""The ground truth, the texts of the filings, and the haystack."""

_IDS = ("tokens", "null_tokens", "answer_tokens")
_PLACES = ("question_id", "split", "needle_start", "needle_end", "query_start", "answer")


def questions_fingerprint(
    settings: NeedleSettings, bos: bool, model: str, sources: Sources, table: pd.DataFrame
) -> str:
    """The hash of what a questions table was made from, and of what it holds.

    Args:
        bos: whether prompts begin with BOS.
        model: the hash of the model whose tokenizer was used.
        sources: of the filings, only the columns that are asked about count.
    """
    return fingerprint_of(
        {
            **_asked(settings, sources),
            "bos": bos,
            "model": model,
            "content": [
                _hash_of(table, _PLACES),
                *(_hash_of_ids(table[column].tolist()) for column in _IDS),
            ],
        }
    )


def questions_mark(
    entry: RosterEntry,
    settings: RetrievalSettings,
    filings_truth: pd.DataFrame,
    filings_texts: pd.DataFrame,
    haystack: str,
) -> str:
    """The hash of everything that questions depend on; of a hub model, its id and revision."""
    return fingerprint_of(
        {
            **_asked(settings.asks, (filings_truth, filings_texts, haystack)),
            "max_new_tokens": settings.max_new_tokens,
            "bos": entry.bos,
            "model": identity_of(entry),
            "family": entry.family,
            "engine": ENGINE_VERSION,
        }
    )


def scores_mark(entry: RosterEntry, settings: RetrievalSettings, questions: pd.DataFrame) -> str:
    """The hash of everything that the tables of a detection hold, the family as well."""
    scores = scores_fingerprint(entry, settings, questions)
    return fingerprint_of({"scores": scores, "family": entry.family})


def answers_mark(
    entry: RosterEntry,
    settings: RetrievalSettings,
    masking: MaskingSettings,
    joint_questions: pd.DataFrame,
    head_rankings: pd.DataFrame,
) -> str:
    """The hash of everything that the tables of a masking hold, the family as well.

    The questions are in the fingerprint of the scores.

    Raises:
        CircuitScalingError: the model has no rankings yet; the message has the command.
    """
    ranked = of_model(head_rankings, entry.slug)
    if ranked.empty:
        raise CircuitScalingError(
            f"'{entry.slug}' has no rankings yet. Make them: {run_command(['retrieval_detect'])}"
        )
    answers = answers_fingerprint(entry, settings, masking, ranked)
    return fingerprint_of({"answers": answers, "family": entry.family})


def scores_fingerprint(
    entry: RosterEntry, settings: RetrievalSettings, questions: pd.DataFrame
) -> str:
    """The hash of everything that a model's scores depend on; chunk, memory and device stay out.

    Args:
        questions: the questions table; it says which commit of a hub model is measured.
    """
    return fingerprint_of(
        {
            "model": identity_of(entry, revision_of(questions)),
            "dtype": entry.dtype,
            "questions": questions["fingerprint"].iloc[0],
            "retrieval": settings.for_results(),
            "engine": ENGINE_VERSION,
        }
    )


def answers_fingerprint(
    entry: RosterEntry,
    settings: RetrievalSettings,
    masking: MaskingSettings,
    scores: pd.DataFrame,
) -> str:
    """The hash of everything that the answers of a model without some heads depend on.

    Args:
        scores: the retrieval scores that choose the heads.
    """
    return fingerprint_of(
        {
            "model": identity_of(entry),
            "dtype": entry.dtype,
            "scores": scores["fingerprint"].iloc[0],
            "retrieval": settings.for_results(),
            "masking": masking.for_results(),
            "engine": ENGINE_VERSION,
        }
    )


def check_fresh_questions(
    entry: RosterEntry, settings: RetrievalSettings, sources: Sources, questions: pd.DataFrame
) -> None:
    """Stop where stored questions are not those that the present configuration would make.

    ``bos: auto`` is what was found when they were made.

    Raises:
        CircuitScalingError: they are not; the message has the command that makes them again.
    """
    bos = bool(questions["bos"].iloc[0]) if entry.bos == "auto" else entry.bos
    model = identity_of(entry, revision_of(questions))
    check_made_with(
        questions_fingerprint(settings.asks, bos, model, sources, questions),
        questions["fingerprint"],
        what=f"The stored questions to '{entry.slug}' were made",
        others="other filings, another checkpoint",
        again=f"Make them again: {_again('retrieval_detect', entry.slug)}",
    )


def check_fresh_scores(
    entry: RosterEntry,
    settings: RetrievalSettings,
    questions: pd.DataFrame,
    *measured: pd.DataFrame,
) -> None:
    """Stop where stored scores were made from something else than the present configuration.

    Args:
        measured: the tables of the detection that carry its fingerprint.

    Raises:
        CircuitScalingError: they were; the message has the command that makes them again.
    """
    check_made_with(
        scores_fingerprint(entry, settings, questions),
        (name for table in measured for name in table["fingerprint"]),
        what=f"The stored retrieval scores of '{entry.slug}' were made",
        others="other questions, another checkpoint",
        again=f"Make them again: {_again('retrieval_detect', entry.slug)}",
    )


def check_fresh_answers(
    entry: RosterEntry,
    settings: RetrievalSettings,
    masking: MaskingSettings,
    scores: pd.DataFrame,
    *measured: pd.DataFrame,
) -> None:
    """Stop where stored answers were made from something else than the present scores.

    Args:
        measured: the tables of the masking that carry its fingerprint.

    Raises:
        CircuitScalingError: they were; the message has the command that makes them again.
    """
    check_made_with(
        answers_fingerprint(entry, settings, masking, scores),
        (name for table in measured for name in table["fingerprint"]),
        what=f"The stored answers of '{entry.slug}' without some heads were made",
        others="other retrieval scores, another checkpoint",
        again=f"Make them again: {_again('retrieval_mask', entry.slug)}",
    )


def _asked(settings: NeedleSettings, sources: Sources) -> dict[str, Any]:
    """What is asked, and of what, as plain data."""
    asked = asked_questions(settings)
    truth, texts, haystack = sources
    columns = ["filename", *(question.column for question in asked.values())]
    return {
        "asks": settings.model_dump(mode="json"),
        "questions": {name: question.model_dump() for name, question in asked.items()},
        "truth": _hash_of(truth, columns),
        "texts": _hash_of(texts, ["filename", "text"]),
        "haystack": hashlib.sha256(haystack.encode()).hexdigest(),
    }


def _again(stage: str, slug: str) -> str:
    return run_command([stage], namespace=f"{stage}.{slug}")


def _hash_of(frame: pd.DataFrame, columns: Sequence[str]) -> str:
    """Of some columns as text, whatever the order of the rows; a column may be missing."""
    cells = frame.reindex(columns=list(columns)).astype(object).fillna("").astype(str)
    rows = sorted(cells.itertuples(index=False, name=None))
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def _hash_of_ids(rows: Sequence[Sequence[int]]) -> str:
    """Of token ids, row by row: quicker than as text where prompts are long."""
    digest = hashlib.sha256()
    for ids in rows:
        digest.update(len(ids).to_bytes(8, "little"))
        digest.update(np.asarray(ids, dtype="<i8").tobytes())
    return digest.hexdigest()
