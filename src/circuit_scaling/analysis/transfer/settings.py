"""Which models are compared, as the configuration says it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from circuit_scaling.typed import Block, Draws, Permutations, Seed


class TransferSettings(Block):
    """Which models are compared, and how finely chance is drawn.

    Attributes:
        k: the strongest heads of the base that are looked for in the target.
        pairs: ``all`` ordered pairs, those within ``families``, or a list of ``[base, target]``.
        n_null: random draws behind each p and each interval under chance.
        n_boot: bootstrap draws over the target's clusters.
        seed: of the draws.
    """

    k: int = Field(gt=0)
    pairs: Literal["all", "families"] | tuple[tuple[str, str], ...]
    n_null: Permutations = Field(ge=99)
    n_boot: Draws = Field(ge=200)
    seed: Seed = 0

    @field_validator("pairs")
    @classmethod
    def _two_models_once(
        cls, pairs: Literal["all", "families"] | tuple[tuple[str, str], ...]
    ) -> Literal["all", "families"] | tuple[tuple[str, str], ...]:
        seen = set()
        for base, target in () if isinstance(pairs, str) else pairs:
            if base == target:
                raise ValueError(f"the pair [{base}, {target}] compares a model with itself")
            if (base, target) in seen:
                raise ValueError(f"the pair [{base}, {target}] is listed twice")
            seen.add((base, target))
        return pairs
