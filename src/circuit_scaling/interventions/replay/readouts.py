"""What is read at the end of a run: the metric m, and what stands beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from circuit_scaling.interventions.model.anatomy import (
    Anatomy,
    run_tail,
    run_unembed,
    run_unembed_columns,
)
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.replacements import tokens_on

# Logits that are held at once: a vocabulary is wide, and there are many ablated runs.
_LOGITS_AT_ONCE = 2**24

Readout = Literal["contrast", "candidates", "answer_logprob", "token_loss", "kl_to_clean"]
_OF_THE_DISTRIBUTION: frozenset[Readout] = frozenset({"answer_logprob", "kl_to_clean"})


@dataclass(frozen=True)
class Questions:
    """What is asked of each prompt, as tensors.

    Attributes:
        tokens: [prompts, pos].
        answer, distractor, candidate: bool masks over the vocabulary positions in ``columns``.
        columns: [prompts, n] token ids that any of the three refers to, padded.
        clean_logprobs: [prompts, vocabulary], the clean next-token distribution (for KL only).
    """

    tokens: Tensor
    columns: Tensor
    answer: Tensor
    distractor: Tensor
    candidate: Tensor
    clean_logprobs: Tensor | None = None


def make_questions(
    tokens: Tensor,
    answers: Sequence[Sequence[int]],
    distractors: Sequence[Sequence[int]],
    candidates: Sequence[Sequence[int]],
) -> Questions:
    """Collect token ids per prompt into padded columns with masks.

    Args:
        tokens: [prompts, pos].
        answers, distractors, candidates: token ids per prompt; may be empty.
    """
    named = [sorted({*a, *d, *c}) for a, d, c in zip(answers, distractors, candidates, strict=True)]
    width = max(1, max(map(len, named), default=1))
    columns = torch.zeros(len(named), width, dtype=torch.long)
    masks = torch.zeros(3, len(named), width, dtype=torch.bool)
    for row, ids in enumerate(named):
        columns[row, : len(ids)] = torch.tensor(ids, dtype=torch.long)
        for mask, wanted in zip(masks, (answers, distractors, candidates), strict=True):
            mask[row, : len(ids)] = torch.tensor([i in set(wanted[row]) for i in ids])
    device = tokens.device
    answer, distractor, candidate = masks.to(device)
    return Questions(tokens, columns.to(device), answer, distractor, candidate)


def questions_of(
    anatomy: Anatomy, batch: Batch, rows: slice, readouts: Sequence[Readout], final: Tensor
) -> Questions:
    """What is asked of some prompts of a batch.

    Args:
        rows: which prompts.
        final: their clean residual after the last block, [prompts, pos or 1, d_model].
    """
    asked = make_questions(
        tokens_on(anatomy, batch.tokens[rows]),
        batch.answers[rows],
        batch.distractors[rows],
        # Naming all candidates is work that only one readout needs.
        batch.candidates[rows] if "candidates" in readouts else [()] * len(final),
    )
    if "kl_to_clean" not in readouts:
        return asked
    return replace(asked, clean_logprobs=next_token_logprobs(anatomy, final))


@torch.no_grad()
def read(
    anatomy: Anatomy, residual: Tensor, questions: Questions, readouts: Sequence[Readout]
) -> dict[Readout, Tensor]:
    """Every readout of a residual [k * prompts, pos, d_model], as float32 [k, prompts].

    ``contrast`` is the mean logit of the answers minus the mean logit of the distractors at the
    last position; ``candidates`` is 1 where the best candidate is an answer, else 0;
    ``answer_logprob`` is the log of the answers' summed probability; ``token_loss`` the mean
    next-token cross-entropy in nats over all positions but the last; ``kl_to_clean`` is
    KL(clean || run) in nats of the next-token distribution at the last position. A prompt
    without answers (or distractors, or candidates, where they count) has NaN for the first three.
    """
    n_prompts = questions.tokens.shape[0]
    results: dict[Readout, Tensor] = {}
    at_end = [name for name in readouts if name != "token_loss"]
    if at_end:
        # Only the last position is normed and unembedded, and only the tokens that are asked for.
        hidden = run_tail(anatomy, residual[:, -1:])[:, 0].unflatten(0, (-1, n_prompts))
        # The distribution is over the whole vocabulary, which is held for some runs at a time.
        whole = any(name in _OF_THE_DISTRIBUTION for name in at_end)
        size = n_prompts * anatomy.vocabulary if whole else questions.columns.numel()
        parts = [
            _at_end_of(anatomy, runs, questions, at_end)
            for runs in hidden.split(max(1, _LOGITS_AT_ONCE // size))
        ]
        results.update({name: torch.cat([part[name] for part in parts]) for name in at_end})
    if "token_loss" in readouts:
        losses = [
            _token_loss(anatomy, rows, questions.tokens)
            for rows in torch.split(residual, n_prompts)
        ]
        results["token_loss"] = torch.stack(losses)
    return results


def next_token_logprobs(anatomy: Anatomy, residual: Tensor) -> Tensor:
    """The next-token distribution at the last position of [prompts, pos, d], [prompts, vocab]."""
    return run_unembed(anatomy, run_tail(anatomy, residual[:, -1:]))[:, 0].log_softmax(-1)


def _at_end_of(
    anatomy: Anatomy, hidden: Tensor, questions: Questions, readouts: Sequence[Readout]
) -> dict[Readout, Tensor]:
    """Last-position readouts of ``hidden`` [k, prompts, d], what the unembedding reads."""
    results: dict[Readout, Tensor] = {}
    of_tokens = [name for name in readouts if name not in _OF_THE_DISTRIBUTION]
    if of_tokens:
        named = run_unembed_columns(anatomy, hidden, questions.columns)
        results.update({name: _of_tokens(name, named, questions) for name in of_tokens})
    if len(of_tokens) < len(readouts):
        logprobs = run_unembed(anatomy, hidden).log_softmax(-1)
        for name in _OF_THE_DISTRIBUTION.intersection(readouts):
            results[name] = _of_distribution(name, logprobs, questions)
    return results


def _of_tokens(name: Readout, named: Tensor, questions: Questions) -> Tensor:
    """Contrast, or whether an answer is the best candidate, from logits of the named tokens."""
    if name == "contrast":
        return contrast(named, questions)
    best = named.masked_fill(~questions.candidate, -torch.inf).argmax(-1)
    right = questions.answer.expand_as(named).gather(-1, best.unsqueeze(-1)).squeeze(-1)
    unanswered = ~(questions.answer.any(-1) & questions.candidate.any(-1))
    return right.float().masked_fill(unanswered, torch.nan)


def _of_distribution(name: Readout, logprobs: Tensor, questions: Questions) -> Tensor:
    """KL from the clean distribution, or log-probability of the answers, from all tokens."""
    if name == "kl_to_clean":
        clean = questions.clean_logprobs
        if clean is None:
            return torch.zeros(logprobs.shape[:2], device=logprobs.device)
        return (clean.exp() * (clean - logprobs)).sum(-1)
    named = logprobs.gather(-1, questions.columns.expand(len(logprobs), -1, -1))
    answers = named.masked_fill(~questions.answer, -torch.inf).logsumexp(-1)
    return answers.masked_fill(~questions.answer.any(-1), torch.nan)


def contrast(named: Tensor, questions: Questions) -> Tensor:
    """The contrast [..., prompts] from the logits of the named columns [..., prompts, n]."""
    return _mean(named, questions.answer) - _mean(named, questions.distractor)


def _mean(named: Tensor, mask: Tensor) -> Tensor:
    """Mean over the masked columns; NaN where there are none."""
    return (named * mask).sum(-1) / mask.sum(-1)


def _token_loss(anatomy: Anatomy, residual: Tensor, tokens: Tensor) -> Tensor:
    logits = run_unembed(anatomy, run_tail(anatomy, residual[:, :-1]))
    losses = functional.cross_entropy(
        logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none"
    )
    return losses.reshape(tokens[:, 1:].shape).mean(-1)
