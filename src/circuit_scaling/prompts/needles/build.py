"""From filings to the questions table of one model: prompts of exact lengths with known places."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.needles.answers import mentions
from circuit_scaling.prompts.needles.haystack import BETWEEN_COPIES, endless
from circuit_scaling.prompts.needles.parts import Frame, Parts
from circuit_scaling.prompts.needles.questions import Question
from circuit_scaling.prompts.needles.settings import NeedleSettings, asked_questions
from circuit_scaling.prompts.needles.truth import Filings, usable_filings
from circuit_scaling.prompts.needles.values import as_written
from circuit_scaling.prompts.wordbank import Tokenizer
from circuit_scaling.vocabulary import QUESTION_SPLITS, QuestionId, QuestionSplit, counted


def build_questions(
    truth: pd.DataFrame,
    texts: pd.DataFrame,
    haystack: str,
    settings: NeedleSettings,
    tokenizer: Tokenizer,
    prefix: tuple[int, ...] = (),
    max_positions: int | None = None,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """All prompts of all questions, and how much of the given could be used.

    A prompt is ``head + haystack + filing + haystack + question``, where the second piece of the
    haystack goes on where the first one stopped. The parts are encoded alone and cut between
    tokens, so that a prompt has exactly the tokens asked for and a filing lies exactly where the
    table says; a haystack that is too short is repeated, with a blank line between copies.

    Args:
        truth, texts: as ``usable_filings`` takes them.
        prefix: token ids before every prompt, such as BOS; none for a model without. Where the
            chat template begins with them, they are not put before it again.
        max_positions: how many tokens a prompt of this model may have, the tokens that it is to
            generate already taken off; None where there is no limit.

    Returns:
        The questions table, one row per question, filing, length and depth, and counts by name:
        those of ``Filings``; ``filings_not_said`` (with words or marks that the tokenizer does not
        give as text); for each question ``<id>_train`` and ``<id>_test`` (filings asked about),
        ``<id>_not_fitting`` (left out by the policy ``skip``) and ``<id>_answer_not_said``.

        ``tokens``: the prompt; ``needle_start``, ``needle_end``: the filing's tokens in it, the
        end excluded; ``needle_length``: tokens of the whole filing, cut or not; ``query_start``:
        the first token after the context; ``null_tokens``: the same context, followed by the null
        query; ``answer``: as the filing writes it, ``answer_tokens``: as it follows the prompt;
        ``answer_in_needle``: whether what is left of the filing says it.

    Raises:
        CircuitScalingError: the tables do not fit or hold no usable answer to a question
            (``usable_filings``); a prompt would be longer than the model can read; the haystack is
            empty; the tokenizer does not know the words; nothing fits; a side of the split has no
            filing for a question.
    """
    questions = asked_questions(settings)
    _check_positions(settings, max_positions)
    filings = usable_filings(truth, texts, questions)
    parts = Parts(tokenizer, prefix)
    context = _Context.of(haystack, filings, parts)
    counts = {**filings.counts, "filings_not_said": len(filings.texts) - len(context.needles)}
    rows: list[dict[str, object]] = []
    for name, question in questions.items():
        asked = _Asked(name, question, parts.frame(settings.form, question, settings.null_query))
        rows += _rows(asked, filings, context, settings, counts)
    table = pd.DataFrame(rows)
    _check_null(table, max_positions)
    return table, counts


@dataclass(frozen=True)
class _Context:
    """What contexts are made of.

    Attributes:
        haystack, between: tokens of the prose, and of what stands between two copies.
        needles: file name -> tokens of the filing, of those that the tokenizer can say.
    """

    parts: Parts
    haystack: list[int]
    between: list[int]
    needles: Mapping[str, list[int]]

    @staticmethod
    def of(haystack: str, filings: Filings, parts: Parts) -> _Context:
        if not haystack.strip():
            raise CircuitScalingError("The haystack is empty: give it some plain prose.")
        prose = parts.known(haystack)
        if prose is None:
            raise CircuitScalingError(
                "The tokenizer does not know all words of the haystack: use other prose."
            )
        encoded = {name: parts.known(text) for name, text in filings.texts.items()}
        needles = {name: tokens for name, tokens in encoded.items() if tokens}
        if not needles:
            raise CircuitScalingError(
                f"The tokenizer does not know all words of any of the {len(encoded)} filings: "
                "use words of its vocabulary."
            )
        return _Context(parts, prose, parts.tokens(BETWEEN_COPIES), needles)


@dataclass(frozen=True)
class _Asked:
    """A question with what stands around its contexts."""

    name: QuestionId
    question: Question
    frame: Frame

    def room(self, length: int, settings: NeedleSettings) -> int:
        """How many tokens a filing may have in a prompt of ``length`` tokens."""
        return length - len(self.frame.head) - len(self.frame.suffix) - settings.min_haystack


@dataclass(frozen=True)
class _Sample:
    """A filing that is asked about, with its side and its answer."""

    filing: str
    split: QuestionSplit
    answer: str
    answer_tokens: list[int]


def _rows(
    asked: _Asked,
    filings: Filings,
    context: _Context,
    settings: NeedleSettings,
    counts: dict[str, int],
) -> Iterator[dict[str, object]]:
    """The rows of one question."""
    _check_room(asked, context, settings)
    samples = _samples(asked, filings, context, settings, counts)
    for sample in samples:
        for length in settings.lengths:
            for depth in settings.depths:
                yield _row(asked, sample, context, settings, length, depth)


def _samples(
    asked: _Asked,
    filings: Filings,
    context: _Context,
    settings: NeedleSettings,
    counts: dict[str, int],
) -> list[_Sample]:
    """The filings that a question is asked about, of both sides."""
    room = asked.room(min(settings.lengths), settings)
    found: dict[QuestionSplit, list[_Sample]] = {split: [] for split in QUESTION_SPLITS}
    left_out = dict.fromkeys(("not_fitting", "answer_not_said"), 0)
    for filing, split in splits_of(context.needles, settings).items():
        value = filings.answers[asked.name].get(filing)
        if value is None:
            continue
        if settings.policy == "skip" and len(context.needles[filing]) > room:
            left_out["not_fitting"] += 1
            continue
        answer = as_written(asked.question.kind, value, filings.texts[filing])
        tokens = context.parts.answer(answer, asked.frame.spaced)
        if tokens is None:
            left_out["answer_not_said"] += 1
            continue
        found[split].append(_Sample(filing, split, answer, tokens))
    counts.update({f"{asked.name}_{reason}": n for reason, n in left_out.items()})
    for split, samples in found.items():
        if not samples:
            raise CircuitScalingError(_nothing_left(asked, split, settings, left_out))
        found[split] = samples[: settings.wanted(split)]
        counts[f"{asked.name}_{split}"] = len(found[split])
    return [sample for samples in found.values() for sample in samples]


def _row(
    asked: _Asked,
    sample: _Sample,
    context: _Context,
    settings: NeedleSettings,
    length: int,
    depth: float,
) -> dict[str, object]:
    whole, frame = context.needles[sample.filing], asked.frame
    needle = whole[: asked.room(length, settings)]
    n_prose = length - len(frame.head) - len(needle) - len(frame.suffix)
    prose = endless(context.haystack, context.between, n_prose)
    n_before = int(depth * n_prose)
    start = len(frame.head) + n_before
    context_tokens = [*frame.head, *prose[:n_before], *needle, *prose[n_before:]]
    kind = asked.question.kind
    return {
        "question_id": f"{asked.name}/{sample.filing}/{length}/{depth}",
        "filing": sample.filing,
        "question": asked.name,
        "kind": kind,
        "split": sample.split,
        "token_length": length,
        "depth": float(depth),
        "form": settings.form,
        "tokens": [*context_tokens, *frame.suffix],
        "needle_start": start,
        "needle_end": start + len(needle),
        "needle_length": len(whole),
        "truncated": len(needle) < len(whole),
        "answer_in_needle": mentions(kind, sample.answer, context.parts.decoded(needle)),
        "query_start": len(context_tokens),
        "null_tokens": [*context_tokens, *frame.null_suffix],
        "answer": sample.answer,
        "answer_tokens": sample.answer_tokens,
        "data_seed": settings.split_seed,
    }


def splits_of(filings: Iterable[str], settings: NeedleSettings) -> dict[str, QuestionSplit]:
    """The side of each filing, in the order in which filings are taken.

    The order is that of a hash of seed and name: it does not depend on the order of the tables,
    and further filings do not change the order of those that are there.

    Raises:
        CircuitScalingError: there is a single filing, which cannot be on both sides.
    """
    order = sorted(
        filings,
        key=lambda name: hashlib.sha256(f"{settings.split_seed}/{name}".encode()).digest(),
    )
    if len(order) < len(QUESTION_SPLITS):
        raise CircuitScalingError(
            f"There is only one filing to be used ('{order[0]}'): train and test need one each."
        )
    n_test = min(max(1, round(settings.test_share * len(order))), len(order) - 1)
    return {name: "test" if place < n_test else "train" for place, name in enumerate(order)}


def _check_positions(settings: NeedleSettings, max_positions: int | None) -> None:
    too_long = [n for n in settings.lengths if max_positions is not None and n > max_positions]
    if too_long:
        raise CircuitScalingError(
            f"'lengths' asks for prompts of {', '.join(map(str, too_long))} tokens, and the model "
            f"can read {max_positions}: leave them out, or use a model for longer contexts."
        )


def _check_null(table: pd.DataFrame, max_positions: int | None) -> None:
    """A null query that is longer than the questions may not fit where they do."""
    longest = int(table["null_tokens"].map(len).max())
    if max_positions is not None and longest > max_positions:
        raise CircuitScalingError(
            f"With 'null_query' in place of the question a prompt has {longest} tokens, and the "
            f"model can read {max_positions}: shorten the null query."
        )


def _check_room(asked: _Asked, context: _Context, settings: NeedleSettings) -> None:
    """Something must fit into the shortest prompt."""
    shortest = min(settings.lengths)
    room = asked.room(shortest, settings)
    needed = 1 if settings.policy == "truncate" else min(map(len, context.needles.values()))
    if room < needed:
        least = shortest - room + needed
        way_out = "" if settings.policy == "truncate" else ", or set 'policy: truncate'"
        raise CircuitScalingError(
            f"Nothing fits into a prompt of {shortest} tokens: with question '{asked.name}' and "
            f"{settings.min_haystack} tokens of the haystack it must have {least} or more. Raise "
            f"'lengths'{way_out}."
        )


def _nothing_left(
    asked: _Asked, split: str, settings: NeedleSettings, left_out: Mapping[str, int]
) -> str:
    reasons: Sequence[str] = (
        f"too long for {min(settings.lengths)} tokens:"
        f" {counted(left_out['not_fitting'], 'filing')}",
        f"the tokenizer does not know the answers of {left_out['answer_not_said']}",
    )
    return (
        f"No filing of the {split} side can be asked about '{asked.name}' ({'; '.join(reasons)}): "
        f"give more filings, raise 'lengths', or leave '{asked.name}' out of 'questions'."
    )
