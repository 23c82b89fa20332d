"""What a scan measures, as the configuration says it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import ByteSize, Field

from circuit_scaling.typed import Block, Seed
from circuit_scaling.vocabulary import AblationMode, Positions


class AblationKind(Block):
    """One kind of ablation at one choice of positions."""

    ablation: AblationMode
    positions: Positions

    def __str__(self) -> str:
        return f"{self.ablation}/{self.positions}"


class ScanSettings(Block):
    """Parameters of a scan.

    Attributes:
        primary: the kind of ablation that feeds categories and exports, measured on every task.
        ablations, positions: their product is measured on ``agreement_tasks`` too, to see where
            the ablations disagree.
        agreement_tasks: tasks on which every kind is measured.
        draws: donors per prompt in resample ablation.
        precision: of matrix products; ``tf32`` is faster on a GPU, ``bf16`` loads the weights in
            16 bits, and both make errors (docs/benchmarks.md).
        chunk: tokens (heads x prompts x positions) that are replayed together; ``auto`` takes what
            a short measurement finds fastest on the device.
        max_memory: beside the weights, such as ``8GiB``; by default a share of what is free.
        seed: of donors, bootstrap and sign flips.
        n_boot: bootstrap draws over clusters.
        n_flips: random sign flips for the p-values.
    """

    not_in_results: ClassVar[frozenset[str]] = frozenset({"chunk", "max_memory"})

    primary: AblationKind
    ablations: tuple[AblationMode, ...]
    positions: tuple[Positions, ...]
    agreement_tasks: tuple[str, ...] = ()
    draws: int = Field(gt=0)
    precision: Literal["float32", "tf32", "bf16"] = "float32"
    chunk: Literal["auto"] | Annotated[int, Field(gt=0)] = "auto"
    max_memory: Annotated[ByteSize, Field(gt=0)] | None = None
    seed: Seed = 0
    n_boot: int = Field(ge=200)
    n_flips: int = Field(ge=99)

    def kinds(self, task: str) -> tuple[AblationKind, ...]:
        """What is measured on ``task``, the primary kind first."""
        if task not in self.agreement_tasks:
            return (self.primary,)
        every = (
            AblationKind(ablation=a, positions=p) for a in self.ablations for p in self.positions
        )
        return tuple(dict.fromkeys((self.primary, *every)))
