"""What a scan measures, as the configuration says it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from circuit_scaling.measuring.shared.settings import EngineSettings
from circuit_scaling.typed import Block, Seed, at_most
from circuit_scaling.vocabulary import AblationMode, Positions


class AblationKind(Block):
    """One kind of ablation at one choice of positions.

    Attributes:
        ablation: what replaces a head's output z.
        positions: where it is replaced: at all positions, or at the last one alone.
    """

    ablation: AblationMode
    positions: Positions

    def __str__(self) -> str:
        return f"{self.ablation}/{self.positions}"


class ScanSettings(EngineSettings):
    """Parameters of a scan; how its engine works holds for the other measurements too.

    Attributes:
        primary: the kind of ablation that feeds categories and exports, measured on every task.
        ablations, positions: their product is measured on ``agreement_tasks`` too, to see where
            the ablations disagree.
        agreement_tasks: tasks on which every kind is measured.
        bos_task: measured a second time, with BOS where the prompts have none and without where
            they have; null: no task is.
        draws: donors per prompt in resample ablation.
        seed: of donors.
        keep_in: the folder in which a scan keeps finished layers while it goes on, so that one that
            is stopped continues; null: nothing is kept.
    """

    not_in_results: ClassVar[frozenset[str]] = EngineSettings.not_in_results | {"keep_in"}

    primary: AblationKind
    ablations: tuple[AblationMode, ...]
    positions: tuple[Positions, ...]
    agreement_tasks: tuple[str, ...] = ()
    bos_task: str | None = None
    draws: Annotated[int, at_most(100, "each ablates every head again")] = Field(gt=0)
    seed: Seed = 0
    keep_in: Path | None = None

    def kept_of(self, slug: str) -> Path | None:
        """The folder in which the scan of a model keeps its finished layers."""
        return None if self.keep_in is None else self.keep_in / slug

    def kinds(self, task: str) -> tuple[AblationKind, ...]:
        """What is measured on ``task``, the primary kind first."""
        if task not in self.agreement_tasks:
            return (self.primary,)
        every = (
            AblationKind(ablation=a, positions=p) for a in self.ablations for p in self.positions
        )
        return tuple(dict.fromkeys((self.primary, *every)))
