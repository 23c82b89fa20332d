"""The questions about filings in the tokens of one model."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from circuit_scaling.measuring.retrieval.freshness import questions_fingerprint
from circuit_scaling.measuring.retrieval.settings import RetrievalSettings
from circuit_scaling.models.loading import LoadedTokenizer, context_of_model, load_tokenizer
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.sources import identity_of
from circuit_scaling.prompts.needles.build import build_questions

_log = logging.getLogger(__name__)


class Questions(NamedTuple):
    """Tables of one model."""

    questions: pd.DataFrame
    question_counts: pd.DataFrame


def questions_of_model(
    entry: RosterEntry,
    settings: RetrievalSettings,
    truth: pd.DataFrame,
    texts: pd.DataFrame,
    haystack: str,
) -> Questions:
    """All questions to one model, and how much of the filings could be used for them.

    A prompt leaves room for ``max_new_tokens`` in the model's context, where the model says how
    long that is.

    Raises:
        CircuitScalingError: there is no such model or tokenizer; filings, haystack, lengths and
            model do not fit together (``build_questions``).
    """
    reads = load_reader(entry)
    context = context_of_model(entry, reads.commit)
    table, counts = build_questions(
        truth,
        texts,
        haystack,
        settings.asks,
        reads.tokenizer,
        reads.prefix,
        max_positions=None if context is None else max(0, context - settings.max_new_tokens),
    )
    table["bos"] = bool(reads.prefix)
    table["revision"] = reads.commit
    model = identity_of(entry, reads.commit)
    table["fingerprint"] = questions_fingerprint(
        settings.asks, bool(reads.prefix), model, (truth, texts, haystack), table
    )
    _say(entry.slug, settings, table, counts)
    counted = pd.DataFrame({"counted": list(counts), "number": list(counts.values())})
    return Questions(table, counted.assign(family=entry.family, model=entry.slug))


def load_reader(entry: RosterEntry, commit: str = "") -> LoadedTokenizer:
    """The tokenizer and what prompts begin with.

    ``chat`` of the roster entry, a turn that prompts of tasks come behind, has no place before a
    document: that a question is put in a chat is said by its form.

    Raises:
        CircuitScalingError: there is no such tokenizer.
    """
    return load_tokenizer(entry.model_copy(update={"chat": None}), commit)


def _say(
    slug: str, settings: RetrievalSettings, table: pd.DataFrame, counts: Mapping[str, int]
) -> None:
    """Whatever was left out, and answers that are longer than what may be generated."""
    used = tuple(f"_{end}" for end in ("usable", "train", "test"))
    left_out = ", ".join(
        f"{number} {name.replace('_', ' ')}"
        for name, number in counts.items()
        if number and name != "filings" and not name.endswith(used)
    )
    _log.info(
        "%s: %d questions about %d of %d filings%s",
        *(slug, len(table), table["filing"].nunique(), counts["filings"]),
        f"; left out: {left_out}" if left_out else "",
    )
    long = int((table["answer_tokens"].map(len) > settings.max_new_tokens).sum())
    if long:
        _log.warning(
            "%s: %d answers have more than %d tokens and can never be given: raise "
            "'max_new_tokens'",
            *(slug, long, settings.max_new_tokens),
        )
