"""What the two retrieval pipelines measure, as the configuration says it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from circuit_scaling.measuring.shared.settings import EngineSettings
from circuit_scaling.prompts.needles.settings import NeedleSettings
from circuit_scaling.typed import Block, RandomSets, Seed, at_most

HeadCount = Annotated[int, Field(gt=0)]


class RetrievalSettings(EngineSettings):
    """Parameters of detection; how the engine works, and what is asked, holds for masking too.

    Attributes:
        asks: which questions are asked in which contexts.
        max_new_tokens: that an answer may have.
    """

    asks: NeedleSettings
    max_new_tokens: Annotated[int, at_most(1_000, "an answer is a few words")] = Field(
        default=10, gt=0
    )


class MaskingSettings(Block):
    """Parameters of masking.

    Attributes:
        ks: how many of the best heads of a method are masked together.
        ks_of: the number of heads of the model that ``ks`` were chosen for; they are scaled to
            each model's own number, so that the same share is masked; None: they are not.
        n_random: random sets for each number of heads. They hold none of the heads that any method
            puts among its best for this question and length.
        random_ks: for which numbers of heads there are random sets: ``all``, or the ``largest``
            alone, which costs less.
        random_layers: ``any``, or ``matched``: as many heads in each layer as the method's set has.
        ablations: what masked heads give: nothing, or their mean over prompts and positions.
        seed: of the random sets.
    """

    ks: tuple[HeadCount, ...] = Field(min_length=1)
    ks_of: int | None = Field(default=1024, gt=0)
    n_random: RandomSets = Field(gt=0)
    random_ks: Literal["all", "largest"] = "all"
    random_layers: Literal["any", "matched"] = "any"
    ablations: tuple[Literal["zero", "mean"], ...] = Field(default=("zero",), min_length=1)
    seed: Seed = 0

    def sizes(self, n_heads: int) -> tuple[int, ...]:
        """The numbers of heads that are masked in a model of ``n_heads``, each once."""
        scale = 1.0 if self.ks_of is None else n_heads / self.ks_of
        return tuple(sorted({max(1, round(k * scale)) for k in self.ks}))
