"""The plan of a run: each model's work, the time and the room it takes, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING

from circuit_scaling.models.hub import Hub, cache_root
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.plan.amounts import (
    Amount,
    ablation_amount,
    causal_amount,
    detection_amount,
    masking_amount,
    scan_amount,
)
from circuit_scaling.plan.disk import free_bytes, shown_bytes, table_bytes
from circuit_scaling.plan.operations import Sizes
from circuit_scaling.plan.places import device_of, free_on, place_of
from circuit_scaling.plan.settings import Settings
from circuit_scaling.plan.shapes import Shape, shape_of
from circuit_scaling.plan.speed import NO_TIME, Seconds, rate_of, seconds_of
from circuit_scaling.plan.steps import STAGES, Todo

if TYPE_CHECKING:
    from circuit_scaling.interventions.model.device import Precision
    from circuit_scaling.measuring.shared.run_log import Stage

_LIBRARIES = 700_000_000
"""Bytes that a process has before it loads a model."""
_GB = 1e9


@dataclass(frozen=True)
class StageOfModel:
    """One stage on one model.

    Attributes:
        seconds: None where it cannot be told, because the device is not there.
        why: why it has to be run; empty where it is done.
    """

    stage: Stage
    amount: Amount
    seconds: Seconds | None
    disk: int
    why: str


@dataclass(frozen=True)
class ModelPlan:
    """All stages of one model.

    Attributes:
        memory: bytes that it needs at least; more is used as far as there is more.
        download: bytes; None where nobody knows.
        device: its name, or empty where it is not there.
        free: bytes of memory that nobody uses on the device.
        rate: operations per second that the device was measured at; 0 where it was not.
        missing: what keeps it from being worked on, with the way out.
    """

    entry: RosterEntry
    shape: Shape
    memory: int
    download: int | None
    device: str
    free: int
    rate: float
    stages: tuple[StageOfModel, ...]
    missing: tuple[str, ...]

    @property
    def left(self) -> list[StageOfModel]:
        """The stages that are not done."""
        return [stage for stage in self.stages if stage.why]

    @property
    def operations(self) -> int:
        """Of what is left to do."""
        return sum(stage.amount.operations for stage in self.left)

    @property
    def disk(self) -> int:
        """Bytes of the tables of what is left to do."""
        return sum(stage.disk for stage in self.left)

    @property
    def seconds(self) -> Seconds:
        """Of what is left to do, as far as that can be told."""
        return total(stage.seconds for stage in self.left)


@dataclass(frozen=True)
class Plan:
    """A run before it begins.

    Attributes:
        disk_free: bytes where tables are written.
        disk_shown: bytes of the page and the figures, where the run makes them.
        cache_free: bytes where downloads go; 0 where none is needed.
    """

    models: tuple[ModelPlan, ...]
    todo: Todo
    data_root: Path
    disk_free: int
    disk_shown: int
    cache_free: int

    @property
    def download(self) -> int:
        """Bytes that have to come, as far as that is known."""
        return sum(model.download or 0 for model in self.models if model.left)

    @property
    def disk(self) -> int:
        """Bytes that the run will write."""
        return sum(model.disk for model in self.models) + self.disk_shown

    @property
    def missing(self) -> dict[str, list[str]]:
        """What is missing -> the models that lack it; nothing of the run as a whole."""
        found: dict[str, list[str]] = {}
        for model in self.models:
            for what in model.missing:
                found.setdefault(what, []).append(model.entry.slug)
        if self.disk > self.disk_free:
            found[
                f"The tables take about {self.disk / _GB:,.1f} GB, and {self.disk_free / _GB:,.1f} "
                f"GB are free in '{self.data_root}'. Free some, or set data_root in globals.yml."
            ] = []
        if self.download > self.cache_free:
            found[
                f"The downloads take {self.download / _GB:,.1f} GB, and "
                f"{self.cache_free / _GB:,.1f} GB are free in the hub's cache. Free some, or set "
                "HF_HOME to a larger disk."
            ] = []
        return found


def total(parts: Iterator[Seconds | None]) -> Seconds:
    """The sum of what is known."""
    return reduce(add, (part for part in parts if part is not None), NO_TIME)


def plan_of(
    todo: Todo,
    entries: Mapping[str, RosterEntry],
    settings: Settings,
    filings: int,
    data_root: Path,
    *,
    shows: bool,
) -> Plan:
    """Work out the plan; the rate of a device is measured where something is to be done on it.

    Args:
        entries: of the rosters.
        filings: that questions are asked about.
        shows: whether the run makes the page and figures.
    """
    hub = Hub()
    stages = {slug: [stage for stage in STAGES if (stage, slug) in todo.models] for slug in entries}
    models = tuple(
        _model_plan(entries[slug], of_model, todo, settings, filings, hub)
        for slug, of_model in stages.items()
        if of_model
    )
    left = todo.n_up_to_date < todo.n_steps
    shown = shown_bytes(len(models)) if shows and left else 0
    comes = any(model.download for model in models if model.left)
    return Plan(
        models=models,
        todo=todo,
        data_root=data_root,
        disk_free=free_bytes(data_root),
        disk_shown=shown,
        cache_free=free_bytes(cache_root()) if comes else 0,
    )


def _model_plan(
    entry: RosterEntry,
    stages: list[Stage],
    todo: Todo,
    settings: Settings,
    filings: int,
    hub: Hub,
) -> ModelPlan:
    reasons = {stage: todo.models[stage, entry.slug] for stage in stages}
    place = place_of(entry, hub)
    shape = shape_of(entry, place.headers)
    precision = _precision(stages, settings)
    weights = shape.weights("bfloat16" if precision == "bf16" else entry.dtype)
    memory = weights + _LIBRARIES
    missing: tuple[str, ...] = ()
    device, free, rate = "", 0, 0.0
    if any(reasons.values()):
        missing = place.missing
        found = device_of(entry)
        if isinstance(found, str):
            missing = (*missing, found)
        else:
            device, rate = str(found), rate_of(found, shape.sizes.d_model, precision)
            free = free_on(found)
            if memory > free:
                missing = (*missing, _too_little_memory(memory, free, device, precision))
    planned = []
    for stage, why in reasons.items():
        amount = amount_of(stage, shape.sizes, settings, filings)
        seconds = None
        if rate:
            seconds = seconds_of(
                amount.operations, stage, shape.sizes.d_model, weights, rate, precision
            )
        planned.append(StageOfModel(stage, amount, seconds, table_bytes(stage, amount), why))
    return ModelPlan(
        entry, shape, memory, place.download, device, free, rate, tuple(planned), missing
    )


def _precision(stages: list[Stage], settings: Settings) -> Precision:
    """The retrieval stages have their own; no model is in both rosters with different ones."""
    retrieval = stages[0].startswith("retrieval")
    return settings.retrieval.precision if retrieval else settings.scan.precision


def _too_little_memory(needed: int, free: int, device: str, precision: Precision) -> str:
    half = "" if precision == "bf16" else ", load the weights in 16 bits (precision: bf16)"
    return (
        f"It needs at least {needed / _GB:,.1f} GB of memory, and {free / _GB:,.1f} GB are free on "
        f"{device}. Free some, name a larger device in the roster{half}, or leave it out with "
        "--without."
    )


def amount_of(stage: Stage, sizes: Sizes, settings: Settings, filings: int) -> Amount:
    """What a stage asks of a model of these sizes."""
    if stage == "scan":
        return scan_amount(sizes, settings.tasks, settings.prompts, settings.scan)
    if stage == "causal":
        return causal_amount(
            sizes, settings.tasks, settings.prompts, settings.causal, settings.heroes
        )
    if stage == "ablation":
        return ablation_amount(
            sizes,
            settings.tasks,
            settings.prompts,
            settings.scan,
            settings.ablation,
            settings.heroes,
        )
    if stage == "retrieval_detect":
        return detection_amount(sizes, settings.retrieval, filings)
    return masking_amount(sizes, settings.retrieval, settings.masking, filings)
