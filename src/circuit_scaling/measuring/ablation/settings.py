"""What the comparison of hero heads and random heads measures, as the configuration says it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.typed import Block, RandomSets, Seed
from circuit_scaling.vocabulary import AblationMode


class AblationSettings(Block):
    """Parameters of the comparison; ablation, positions, draws and precision are those of the scan.

    Attributes:
        tasks: the heroes are compared on these; they have an answer.
        controls: the damage on these is given beside it; they have none.
        n_random: matched sets per hero set and number of heads, and unmatched sets per number of
            heads; fewer where there are not as many distinct ones.
        ks: numbers of heads, beside all heroes; ``all`` is 1, 2, ... up to them.
        also: ablations that are measured beside the scan's primary one, with all heroes only.
        seed: of the random sets and donors.
    """

    tasks: tuple[str, ...] = Field(min_length=1)
    controls: tuple[str, ...] = ()
    n_random: RandomSets = Field(gt=0)
    ks: Literal["all"] | tuple[int, ...] = "all"
    also: tuple[AblationMode, ...] = ()
    seed: Seed = 0

    @model_validator(mode="after")
    def _sizes(self) -> AblationSettings:
        if self.ks != "all" and (not self.ks or min(self.ks) < 1):
            raise ValueError("ks: 'all', or numbers of heads from 1 on")
        return self

    def sizes(self, n_heroes: int) -> tuple[int, ...]:
        """The numbers of heads that a hero set of ``n_heroes`` is measured with; all are one."""
        asked = range(1, n_heroes + 1) if self.ks == "all" else self.ks
        return tuple(sorted({*asked, n_heroes}))

    def kinds(self, scan: ScanSettings) -> tuple[AblationKind, ...]:
        """The scan's primary one, then the others at the same positions."""
        primary = scan.primary
        others = (primary.model_copy(update={"ablation": name}) for name in self.also)
        return tuple(dict.fromkeys((primary, *others)))
