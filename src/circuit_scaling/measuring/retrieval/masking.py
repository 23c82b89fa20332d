"""From a model, its scores and its questions to the answers that it gives without some heads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.operations.decode import NO_TOKEN, Decoded, decode_sets
from circuit_scaling.interventions.operations.mean_heads import mean_heads
from circuit_scaling.interventions.replay.pairs import Head, head_names
from circuit_scaling.measuring.retrieval.freshness import answers_fingerprint
from circuit_scaling.measuring.retrieval.mask_sets import Mask, as_table, choose_masks
from circuit_scaling.measuring.retrieval.settings import MaskingSettings, RetrievalSettings
from circuit_scaling.measuring.shared.finite import check_finite
from circuit_scaling.measuring.shared.of_model import revision_of
from circuit_scaling.measuring.shared.opened import OpenedModel, Work, opened
from circuit_scaling.models.loading import load_tokenizer
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.needles.answers import is_right
from circuit_scaling.tables.retrieval import MASKED_HEADS, RETRIEVAL_ANSWERS

# Prompts of so many tokens go into one call of the engine: between calls a person sees how far it
# is. It shares nothing between prompts.
_TOKENS_AT_ONCE = 4096


class MaskTables(NamedTuple):
    """The tables of one model's masked heads."""

    masked_heads: pd.DataFrame
    retrieval_answers: pd.DataFrame
    mask_log: pd.DataFrame


def mask(
    entry: RosterEntry,
    settings: RetrievalSettings,
    masking: MaskingSettings,
    questions: pd.DataFrame,
    scores: pd.DataFrame,
) -> MaskTables:
    """Load the model once; answer every test question with each of its sets of heads masked.

    Heads are masked at every position of the prompt and in every decoding step. Heads that are
    masked by ``mean`` give their mean over all positions of the training prompts of the same
    question and length. Sets of the same heads are run once.

    Args:
        questions: of the model, as ``questions`` has them.
        scores: the model's rows of ``head_rankings``.

    Raises:
        CircuitScalingError: the model cannot be loaded; a head is outside its shape; a question has
            no scores or no test prompts, or for means no training prompts; results are not finite.
    """
    masks = choose_masks(scores, (entry.n_layers, entry.n_heads), masking)
    asked = list(_masked_questions(entry.slug, questions, masks))
    fingerprint = answers_fingerprint(entry, settings, masking, scores)
    total = len(masking.ablations) * sum(len(a.test) * len(a.distinct) for a in asked)
    with opened(entry, settings, questions, Work("retrieval_mask", total, fingerprint)) as model:
        tokenizer = load_tokenizer(entry, revision_of(questions)).tokenizer
        frames = []
        for question in asked:
            for ablation in masking.ablations:
                means = question.means(model) if ablation == "mean" else None
                decoded = question.decode(model, means, settings.max_new_tokens)
                texts = _texts(tokenizer, decoded.tokens)
                frames.append(question.answers(texts, decoded).assign(ablation=ablation))
        sets = model.table(MASKED_HEADS, [as_table(masks)])
        return MaskTables(sets, model.table(RETRIEVAL_ANSWERS, frames), model.log())


@dataclass(frozen=True)
class _MaskedQuestion:
    """A question in contexts of one length, with all the sets that are masked there.

    Attributes:
        test: rows of the questions table that are answered.
        train: those that heads were ranked on.
    """

    test: pd.DataFrame
    train: pd.DataFrame
    masks: tuple[Mask, ...]

    @cached_property
    def distinct(self) -> list[tuple[Head, ...]]:
        """The sets of heads, each once; sets that do not exist are left out."""
        return list(dict.fromkeys(mask.heads for mask in self.masks if not mask.reason))

    @property
    def name(self) -> str:
        return f"{self.masks[0].question} in {self.masks[0].token_length} tokens"

    def means(self, model: OpenedModel) -> NDArray[np.float32]:
        """What heads that are masked by their mean give, [n_layers, n_heads, d_head]."""
        return mean_heads(model.anatomy, _tokens(self.train), model.chunk)

    def decode(
        self, model: OpenedModel, means: NDArray[np.float32] | None, max_new_tokens: int
    ) -> Decoded:
        """What is generated under each of the distinct sets, [sets, prompts] in front."""
        parts = []
        together = max(1, _TOKENS_AT_ONCE // self.masks[0].token_length)
        for start in range(0, len(self.test), together):
            rows = self.test.iloc[start : start + together]
            parts.append(
                decode_sets(
                    model.anatomy,
                    _tokens(rows),
                    self.distinct,
                    max_new_tokens,
                    [list(ids) for ids in rows["answer_tokens"]],
                    means,
                    chunk=model.chunk,
                )
            )
            model.progress(self.name, len(rows) * len(self.distinct))
        decoded = Decoded(
            np.concatenate([part.tokens for part in parts], axis=1),
            np.concatenate([part.answer_logprobs for part in parts], axis=1),
        )
        names = [f"set {' '.join(head_names(heads)) or 'of no heads'}" for heads in self.distinct]
        what = "the model without some heads"
        check_finite(self.name, what, {"the answer's logprob": decoded.answer_logprobs}, names)
        return decoded

    def answers(self, texts: Sequence[Sequence[str]], decoded: Decoded) -> pd.DataFrame:
        """A row of ``retrieval_answers`` for each set that exists and each test prompt."""
        place = {heads: i for i, heads in enumerate(self.distinct)}
        frames = []
        columns = ["question_id", "question", "token_length", "filing", "kind", "answer"]
        for of_set in self.masks:
            if not of_set.reason:
                at = place[of_set.heads]
                given = {"generated": texts[at], "answer_logprob": decoded.answer_logprobs[at]}
                frames.append(self.test[columns].assign(set_id=of_set.set_id, **given))
        found = pd.concat(frames, ignore_index=True).astype({"answer_logprob": float})
        said = list(zip(found["kind"], found["answer"], found["generated"], strict=True))
        return found.assign(
            right=[_is_right(*words) for words in said],
            right_study=[_is_right_as_published(*words) for words in said],
        )


def _masked_questions(
    slug: str, questions: pd.DataFrame, masks: Sequence[Mask]
) -> Iterator[_MaskedQuestion]:
    """Every question and length, with its prompts and its sets."""
    keys = ["question", "token_length"]
    for (question, length), rows in questions.groupby(keys, sort=False):
        where = f"'{question}' in {length} tokens"
        own = tuple(m for m in masks if (m.question, m.token_length) == (question, length))
        if not own:
            raise CircuitScalingError(
                f"The heads of '{slug}' have no retrieval scores for {where}: score them with the "
                "questions that are there."
            )
        test, train = (rows[rows["split"] == split] for split in ("test", "train"))
        for split, found in (("test", test), ("train", train)):
            if found.empty:
                raise CircuitScalingError(
                    f"The questions to '{slug}' have no {split} prompts for {where}: heads are "
                    "ranked on the filings of one side and masked on the other. Give more filings, "
                    "or another test_share."
                )
        yield _MaskedQuestion(test, train, own)


def _tokens(rows: pd.DataFrame) -> NDArray[np.int64]:
    return np.array(rows["tokens"].tolist(), dtype=np.int64)


def _texts(tokenizer: Any, tokens: NDArray[np.int64]) -> list[list[str]]:
    """The text of each row of [sets, prompts, new tokens], without special tokens."""
    ids = [
        [token for token in row if token != NO_TOKEN] for part in tokens.tolist() for row in part
    ]
    texts = tokenizer.batch_decode(ids, skip_special_tokens=True)
    n_prompts = tokens.shape[1]
    return [texts[start : start + n_prompts] for start in range(0, len(texts), n_prompts)]


# Many sets leave the answer as it is.
@lru_cache(maxsize=2**14)
def _is_right(kind: Any, answer: str, generated: str) -> bool:
    return is_right(kind, answer, generated)


@lru_cache(maxsize=2**14)
def _is_right_as_published(kind: Any, answer: str, generated: str) -> bool:
    return is_right(kind, answer, generated, "study")
