"""From a model and its training questions to scores of every head by every method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.interventions.operations.decode import ends_of_sequence
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.pairs import head_names
from circuit_scaling.interventions.replay.portions import by_rows
from circuit_scaling.measuring.retrieval.asking import load_reader
from circuit_scaling.measuring.retrieval.detectors import qrhead, summed_attention, wu24
from circuit_scaling.measuring.retrieval.freshness import scores_fingerprint
from circuit_scaling.measuring.retrieval.scores import Answered, Samples, Scored, score_samples
from circuit_scaling.measuring.retrieval.settings import RetrievalSettings
from circuit_scaling.measuring.shared.finite import check_finite
from circuit_scaling.measuring.shared.of_model import revision_of
from circuit_scaling.measuring.shared.opened import OpenedModel, Work, opened
from circuit_scaling.measuring.shared.rows import layers_and_heads
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.needles.answers import is_right
from circuit_scaling.prompts.needles.spans import answer_tokens, spoken
from circuit_scaling.prompts.wordbank import Tokenizer
from circuit_scaling.tables.retrieval import (
    COPIED_TOKENS,
    DECODED_ANSWERS,
    RETRIEVAL_SCORES,
)
from circuit_scaling.vocabulary import RetrievalMethod

Values = NDArray[np.float32]

# Tokens of prompts that are read together: enough to make a step of decoding cheap, and few beside
# what one long prompt has.
_TOGETHER = 8192


class Detected(NamedTuple):
    """Tables of one model."""

    retrieval_scores: pd.DataFrame
    decoded_answers: pd.DataFrame
    copied_tokens: pd.DataFrame
    detect_log: pd.DataFrame


def detect(entry: RosterEntry, settings: RetrievalSettings, questions: pd.DataFrame) -> Detected:
    """Load the model once, and score every head on every training question.

    A model answers greedily, up to its end of sequence or to the line break behind the first line
    that says anything.

    Args:
        questions: of the model; those of the ``test`` side are left for masking.

    Raises:
        CircuitScalingError: the model cannot be loaded, its attention cannot be read, or scores are
            not finite.
    """
    training = questions[questions["split"] == "train"]
    fingerprint = scores_fingerprint(entry, settings, questions)
    tokenizer = load_reader(entry, revision_of(questions)).tokenizer
    work = Work("retrieval_detect", len(training), fingerprint)
    with opened(entry, settings, questions, work) as model:
        chunk = model.chunk
        if settings.chunk == "auto":
            # The chunk is what one block is fastest with; here most steps are single tokens.
            chunk = replace(chunk, tokens=min(chunk.limit, _TOGETHER))
        detecting = _Detecting(model, tokenizer, settings.max_new_tokens, chunk)
        groups = training.groupby(["question", "token_length"], sort=False)
        scores, answers, copied = zip(*(detecting.detect(rows) for _, rows in groups), strict=True)
        return Detected(
            model.table(RETRIEVAL_SCORES, scores),
            model.table(DECODED_ANSWERS, answers),
            model.table(COPIED_TOKENS, copied),
            model.log(),
        )


@dataclass(frozen=True)
class _Detecting:
    """A model while it is asked."""

    model: OpenedModel
    tokenizer: Tokenizer
    max_new_tokens: int
    chunk: Chunk

    def detect(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Scores, answers and copied tokens of samples of one question and length."""
        asked = {name: rows[name].iloc[0] for name in ("question", "token_length")}
        parts = list(self._scored(asked["question"], rows))
        answers = [answer for part in parts for answer in part.answers]
        decoded = self._decoded(rows, answers)
        of_answer = [
            wu24.sample_scores(answer.copied, slice(start, end))
            for answer, start, end in zip(
                answers, decoded["answer_start"], decoded["answer_end"], strict=True
            )
        ]
        by_method: dict[RetrievalMethod, Values] = {
            "summed_attention": np.concatenate([part.summed_attention for part in parts]),
            "wu24": np.stack(of_answer),
            "qrhead": np.concatenate([part.qrhead for part in parts]),
        }
        flat = {method: scores.reshape(len(rows), -1) for method, scores in by_method.items()}
        check_finite(
            "{question} at {token_length} tokens".format(**asked),
            "the clean model",
            {method: scores.T for method, scores in flat.items()},
            head_names(self.model.anatomy.heads),
        )
        scores = pd.concat(
            [self._reduced(method, scores, decoded) for method, scores in flat.items()]
        )
        return (
            scores.assign(**asked),
            decoded,
            _copied(rows, answers),
        )

    def _scored(self, question: str, rows: pd.DataFrame) -> Iterator[Scored]:
        """As many samples at a time as fit the memory."""
        tokens, null = (np.array(rows[name].tolist()) for name in ("tokens", "null_tokens"))
        (start,) = rows["query_start"].unique()  # the question is as long as the others
        needles = [slice(*place) for place in rows[["needle_start", "needle_end"]].to_numpy()]
        anatomy = self.model.anatomy
        stop = stop_of_answer(self.tokenizer, ends_of_sequence(anatomy))

        def score(some: slice, _: Chunk) -> Scored:
            asked = Samples(
                tokens[some, :start], tokens[some, start:], null[some, start:], needles[some]
            )
            scored = score_samples(anatomy, asked, self.max_new_tokens, stop)
            self.model.progress(question, len(scored.answers))
            return scored

        whole = max(tokens.shape[1] + self.max_new_tokens, null.shape[1])
        return by_rows((len(tokens), whole), self.chunk, score)

    def _decoded(self, rows: pd.DataFrame, answers: list[Answered]) -> pd.DataFrame:
        table = rows[["question_id", "question", "token_length", "filing", "answer"]].reset_index(
            drop=True
        )
        (kind,) = rows["kind"].unique()
        table["tokens"] = [answer.tokens for answer in answers]
        table["generated"] = [spoken(self.tokenizer, answer.tokens) for answer in answers]
        spans = [answer_tokens(kind, answer.tokens, self.tokenizer) for answer in answers]
        table["answer_start"] = [span.start for span in spans]
        table["answer_end"] = [span.stop for span in spans]
        said = list(zip(table["answer"], table["generated"], strict=True))
        table["right"] = [is_right(kind, truth, text) for truth, text in said]
        table["right_study"] = [is_right(kind, truth, text, "study") for truth, text in said]
        return table

    def _reduced(
        self, method: RetrievalMethod, scores: Values, decoded: pd.DataFrame
    ) -> pd.DataFrame:
        """A row for each head, from [samples, heads]."""
        right, right_study = (decoded[name].to_numpy(bool) for name in ("right", "right_study"))
        n_samples = len(scores)
        if method == "summed_attention":
            score = summed_attention.over_samples(scores)
            study = summed_attention.over_samples(scores, "sum")
        elif method == "wu24":
            score = wu24.over_samples(scores, right)
            study = wu24.over_samples(scores, right_study, "scoring")
            n_samples = int(right.sum())
        else:
            score = study = qrhead.over_samples(scores)
        return pd.DataFrame(
            {
                **layers_and_heads(self.model.anatomy),
                "method": method,
                "score": score.astype(float),
                "score_study": study.astype(float),
                "n_samples": n_samples,
                "n_asked": len(scores),
                "scores": list(scores.T),
            }
        )


def stop_of_answer(tokenizer: Tokenizer, ends: set[int]) -> Callable[[list[int]], bool]:
    """Whether decoded tokens are a whole answer: the first line that says anything has ended."""

    def stop(tokens: list[int]) -> bool:
        return tokens[-1] in ends or "\n" in spoken(tokenizer, tokens).lstrip()

    return stop


def _copied(rows: pd.DataFrame, answers: list[Answered]) -> pd.DataFrame:
    """A row for each decoded token and head that scores for it."""
    scoring = [np.nonzero(answer.copied) for answer in answers]
    samples = np.repeat(np.arange(len(answers)), [len(places) for places, _, _ in scoring])
    places, layers, heads = (np.concatenate(part) for part in zip(*scoring, strict=True))
    where = list(zip(samples, places, layers, heads, strict=True))
    return pd.DataFrame(
        {
            "question_id": rows["question_id"].to_numpy()[samples],
            "place": places,
            "token": np.array([answers[i].tokens[place] for i, place, _, _ in where], np.int64),
            "score": np.array([answers[i].copied[tuple(place)] for i, *place in where], float),
            "layer": layers,
            "head": heads,
        }
    )
