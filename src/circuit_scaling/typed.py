"""What the typed blocks of the configuration share: nothing misspelt, no number that is none."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


class Block(BaseModel):
    """A block of the configuration: unknown names, infinities and NaN are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    not_in_results: ClassVar[frozenset[str]] = frozenset()
    """Fields on which no result depends, such as how much memory may be used."""

    def for_results(self) -> dict[str, Any]:
        """The fields on which results depend, as plain data."""
        return self.model_dump(mode="json", exclude=set(self.not_in_results))


Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""What random generators can start from."""
