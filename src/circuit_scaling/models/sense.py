"""Whether a model predicts text at all: weights that are noise are found before they are used."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.wordbank import prepends_space
from circuit_scaling.prompts.words import word_list

_WINDOW = 24  # tokens: as long as the longest prompts of the shipped tasks


@dataclass(frozen=True)
class Sense:
    """Mean next-token loss on the shipped plain text, in nats, of a model and of two guesses.

    Attributes:
        loss: of the model.
        uniform: of who takes all tokens of the vocabulary for equally likely.
        unigram: of who knows how often each token stands in the *other* passages, with the mass of
            tokens not seen there spread over the vocabulary (Witten and Bell 1991).
    """

    loss: float
    uniform: float
    unigram: float

    @property
    def guess(self) -> float:
        """The better of the two guesses."""
        return min(self.uniform, self.unigram)


@torch.no_grad()
def sense_of(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prefix: tuple[int, ...]
) -> Sense:
    """Read the first tokens of each shipped passage, one passage at a time.

    Args:
        prefix: token ids before every text, such as BOS.
    """
    lead = "" if prepends_space(tokenizer) else " "
    passages = [
        tokenizer.encode(lead + text, add_special_tokens=False)[:_WINDOW]
        for text in word_list("passages")
    ]
    losses, uniform, unigram = [], 0.0, []
    for number, passage in enumerate(passages):
        tokens = torch.tensor([[*prefix, *passage]], device=model.device)
        logits = model(input_ids=tokens, use_cache=False).logits[0].float()
        told = logits[len(prefix) : -1].log_softmax(-1)  # the first token is read, never guessed
        after = tokens[0, len(prefix) + 1 :]
        losses += (-told.gather(1, after[:, None])[:, 0]).tolist()
        uniform = math.log(logits.shape[-1])
        others = Counter(token for i, p in enumerate(passages) if i != number for token in p)
        unigram += _witten_bell(others, passage[1:], logits.shape[-1])
    return Sense(math.fsum(losses) / len(losses), uniform, math.fsum(unigram) / len(unigram))


def check_sense(
    slug: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prefix: tuple[int, ...],
) -> None:
    """Refuse a model to which text is noise.

    The bar is low: any model of language passes, even one of another language or one that has just
    begun to learn; random or damaged weights, and weights read with another model's tokenizer, do
    not.

    Raises:
        CircuitScalingError: the model's loss is not below that of the better guess.
    """
    sense = sense_of(model, tokenizer, prefix)
    if not sense.loss < sense.guess:
        raise CircuitScalingError(
            f"Model '{slug}' predicts plain text no better than word counts do: its loss is "
            f"{sense.loss:.2f} nats a token, that of counts {sense.unigram:.2f}, that of no "
            f"knowledge at all {sense.uniform:.2f}. Its weights are noise, or its tokenizer is "
            "another model's: load the checkpoint again from its source. If the weights are random "
            "on purpose, say so with 'untrained: true' in the roster entry."
        )


def _witten_bell(counted: Counter[int], tokens: list[int], vocabulary: int) -> list[float]:
    """The surprise of each token, in nats, given the counts of others."""
    seen, kinds = counted.total(), len(counted)
    return [-math.log((counted[t] + kinds / vocabulary) / (seen + kinds)) for t in tokens]
