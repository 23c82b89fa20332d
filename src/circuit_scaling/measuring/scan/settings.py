"""What a scan measures, as the configuration says it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from circuit_scaling.measuring.shared.settings import EngineSettings
from circuit_scaling.typed import Block, Prompts, Seed, at_most
from circuit_scaling.vocabulary import STUDY_TASKS, AblationMode, Positions


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


class SettleSettings(Block):
    """When a head has been measured on enough prompts of a task (``scan.until: resolved``).

    Attributes:
        tasks: on which heads are measured until their category is settled; other tasks on all of
            their prompts, and other kinds of ablation of these on the prompts of the first look.
        tau: in logits; null in the configuration: that of the categories, ``classify.tau``.
        error: a category is settled wrongly with at most this probability, over all looks.
        over: what that holds for: each ``head`` by itself, or all heads of a ``model`` together.
        first: prompts of a task before the first look; every head is measured on them, and what
            compares heads on equal terms has these alone.
        max_prompts: of a task on which a head is ablated at most; null, all.
        max_seconds: no further batch is begun after so many seconds of a model; null, no bound.
            Results then depend on how fast the device was.
    """

    tasks: tuple[str, ...] = STUDY_TASKS
    tau: Annotated[float, Field(gt=0)] = 0.05
    error: Annotated[float, Field(gt=0, lt=1)] = 0.05
    over: Literal["head", "model"] = "head"
    first: Annotated[Prompts, Field(gt=0)] = 64
    max_prompts: Annotated[Prompts, Field(gt=0)] | None = None
    max_seconds: Annotated[float, Field(gt=0)] | None = None

    def error_of_task(self, n_heads: int) -> float:
        """The error of each head on each task: what is promised, shared among them."""
        return self.error / len(self.tasks) / (n_heads if self.over == "model" else 1)


class ScanSettings(EngineSettings):
    """Parameters of a scan; how its engine works holds for the other measurements too.

    Attributes:
        until: ``all``, every head is ablated on every prompt; ``resolved``, on as many as its
            category needs, as ``settle`` says.
        settle: when that is enough.
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

    until: Literal["all", "resolved"] = "all"
    settle: SettleSettings = SettleSettings()
    primary: AblationKind
    ablations: tuple[AblationMode, ...]
    positions: tuple[Positions, ...]
    agreement_tasks: tuple[str, ...] = ()
    bos_task: str | None = None
    draws: Annotated[int, at_most(100, "each ablates every head again")] = Field(gt=0)
    seed: Seed = 0
    keep_in: Path | None = None

    def for_results(self) -> dict[str, Any]:
        """As of any block; when heads are settled counts where they are asked to be."""
        unused = set() if self.until == "resolved" else {"until", "settle"}
        return {name: value for name, value in super().for_results().items() if name not in unused}

    def settles(self, task: str) -> bool:
        """Whether the heads of a task are measured until they are settled."""
        return self.until == "resolved" and task in self.settle.tasks

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
