"""What the typed blocks of the configuration share: nothing misspelt, no number that is none."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Block(BaseModel):
    """A block of the configuration: unknown names, infinities and NaN are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    not_in_results: ClassVar[frozenset[str]] = frozenset()
    """Fields on which no result depends, such as how much memory may be used."""

    def for_results(self) -> dict[str, Any]:
        """The fields on which results depend, as plain data."""
        return self.model_dump(mode="json", exclude=set(self.not_in_results))


def at_most(limit: int, why: str) -> AfterValidator:
    """A bound beyond which a number is a slip: with it a run would not end, or not fit in memory.

    Args:
        why: the reason, as the message gives it after a colon.
    """

    def checked(value: Any) -> Any:
        if value is not None and value > limit:
            raise ValueError(f"at most {limit:,}, not {value:,}: {why}")
        return value

    return AfterValidator(checked)


Draws = Annotated[int, at_most(50_000, "more draws change no interval, and each costs time")]
"""Bootstrap draws, or random halves."""
Permutations = Annotated[int, at_most(1_000_000, "p is known to a millionth then")]
"""Permutations, or random draws, behind a p."""
Prompts = Annotated[int, at_most(20_000, "every head's effect on every prompt is held in memory")]
"""Prompts of a task."""
RandomSets = Annotated[int, at_most(10_000, "the model runs again for every set")]
"""Random sets of heads."""
Steps = Annotated[int, at_most(1_000_000, "the embedded models are trained in a few thousand")]
"""Steps of training."""
Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""What random generators can start from."""
