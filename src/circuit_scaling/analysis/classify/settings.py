"""How heads are sorted into categories, as the configuration says it."""

from __future__ import annotations

from pydantic import Field, field_validator

from circuit_scaling.typed import Block, Draws, Seed


class ClassifySettings(Block):
    """How heads are sorted into categories.

    Attributes:
        tau: logits; a head is strong on a task from |delta| = tau on.
        taus: the values of the sensitivity analysis.
        top_k: hero heads per model and category.
        n_boot: bootstrap draws over clusters.
        seed: of the bootstrap.
    """

    tau: float
    taus: tuple[float, ...] = Field(min_length=1, max_length=100)
    top_k: int = Field(gt=0)
    n_boot: Draws = Field(ge=200)
    seed: Seed = 0

    @field_validator("tau", "taus")
    @classmethod
    def _positive(cls, value: float | tuple[float, ...]) -> float | tuple[float, ...]:
        if not all(v > 0 for v in (value if isinstance(value, tuple) else (value,))):
            raise ValueError(f"tau must be above 0, not {value}: every head would be strong")
        return value
