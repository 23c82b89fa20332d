"""One prompt as text and tokens, before it becomes a row of the prompts table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Split = Literal["select", "test"]
SPLITS: tuple[Split, Split] = ("select", "test")


@dataclass(frozen=True)
class Prompt:
    """Text that ends right before the answer.

    Attributes:
        template: which text it is; the reference set is matched on it.
        order: who comes first and who is repeated (``ABBA``, ``BABA``, ``ABA``, ``ABC``).
        text: what a person reads; its tokens are what the model reads.
        answer, distractor, candidates: words, each one token with its leading space, or token ids;
            empty where a control has no right answer.
        cluster: prompts of one share their names, those of two share none (the pair of names).
        split: heroes are chosen on ``select`` and tested on ``test``.
        data_seed: the independent draw that the prompt belongs to.
        tokens: given where they are known already; otherwise the text is encoded.
        corrupt: the same prompt without the behaviour, of one length with this one, where it has
            one of its own; it is in the reference set under the same number.
    """

    template: str
    order: str
    text: str
    answer: tuple[str | int, ...]
    distractor: tuple[str | int, ...]
    candidates: tuple[str | int, ...]
    cluster: str
    split: Split
    data_seed: int
    tokens: tuple[int, ...] = ()
    corrupt: Prompt | None = None
