"""Tasks and models that settings name, against those that there are."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from kedro.pipeline import Pipeline

from circuit_scaling.checks.problem import Problem, instead
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.measuring.ablation.settings import AblationSettings
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.measuring.shared.columns import JoinSettings
from circuit_scaling.models.roster import Roster
from circuit_scaling.models.zoo.settings import ReaderSettings, ZooSettings
from circuit_scaling.prompts.build import can_be_built
from circuit_scaling.prompts.given_rows import GivenRow, read_rows
from circuit_scaling.prompts.spec import FILE, Tasks, TaskSpec
from circuit_scaling.vocabulary import QUESTION_IDS

_OF_NAMES = "names"  # what builds prompts of two names, one of them repeated


def wrong_tasks(typed: Mapping[str, Any]) -> Iterator[Problem]:
    """Tasks that are named by settings and cannot be what they are named for.

    Args:
        typed: the blocks that are right by themselves; one that is not there is not looked at.
    """
    tasks = typed.get("tasks")
    if not isinstance(tasks, Tasks):
        return
    for name, spec in tasks.root.items():
        if not can_be_built(spec.build):
            yield Problem(
                f"tasks.{name}.build",
                f"there is no file prompts/tasks/{spec.build}.py to build it.",
            )
    scanned, every = set(tasks.scanned()), set(tasks.root)
    answered = {name for name, spec in tasks.root.items() if spec.readout == "contrast"}
    scan, join, ablation = (typed.get(name) for name in ("scan", "join", "ablation"))
    if isinstance(scan, ScanSettings):
        yield from _unknown("scan.agreement_tasks", scan.agreement_tasks, scanned)
        yield from _unknown("scan.bos_task", filter(None, [scan.bos_task]), scanned)
        if scan.until == "resolved":
            settle = scan.settle
            yield from _unknown("scan.settle.tasks", settle.tasks, scanned & answered)
            if scan.bos_task in settle.tasks:
                yield Problem(
                    "scan.bos_task",
                    f"heads are measured on '{scan.bos_task}' until they are settled, each on its "
                    "own number of prompts. Name another task, or set scan.until: all.",
                )
    if isinstance(join, JoinSettings):
        yield from _unknown("join", join.unknown(tasks), scanned & answered)
    if isinstance(ablation, AblationSettings):
        yield from _unknown("ablation.tasks", ablation.tasks, every)
        yield from _unknown("ablation.controls", ablation.controls, every)
        for name in ablation.tasks:
            if name in every - answered:
                yield Problem(
                    "ablation.tasks",
                    f"'{name}' has no answer. Put it under ablation.controls.",
                )


def wrong_task_files(pipeline: Pipeline, typed: Mapping[str, Any]) -> Iterator[Problem]:
    """Files of prompts that the run reads and that are not there, or not as their tasks say.

    Args:
        typed: the blocks that are right by themselves.
    """
    tasks = typed.get("tasks")
    if isinstance(tasks, Tasks) and "params:tasks" in pipeline.inputs():
        for name, spec in tasks.root.items():
            if spec.build == FILE:
                try:
                    read_rows(name, spec)
                except CircuitScalingError as error:
                    yield Problem(f"tasks.{name}.file", error.message)


def untraceable_tasks(pipeline: Pipeline, typed: Mapping[str, Any]) -> Iterator[Problem]:
    """Tasks that the run would trace and whose prompts can have no corrupt versions.

    Args:
        typed: the blocks that are right by themselves.
    """
    tasks, join = typed.get("tasks"), typed.get("join")
    if not (isinstance(tasks, Tasks) and isinstance(join, JoinSettings)):
        return
    if "params:causal" not in pipeline.inputs():
        return
    for column, task in join.model_dump().items():
        spec = tasks.root.get(task)
        why = None if spec is None else _why_untraceable(task, spec)
        if why:
            yield Problem(
                f"join.{column}",
                f"'{task}' cannot be traced: {why}. Give corrupt texts of its own (build: file, "
                "with a column 'corrupt'), or run without causal.",
            )


def _why_untraceable(task: str, spec: TaskSpec) -> str | None:
    """Why no corrupt version can be made; None where it can, or where another check tells more."""
    if spec.build == _OF_NAMES or spec.has_corrupt(task) or spec.readout != "contrast":
        return None
    if spec.build != FILE:
        return f"its prompts (build: {spec.build}) do not repeat one of two names"
    try:
        rows = read_rows(task, spec)
    except CircuitScalingError:
        return None
    if spec.token_ids_of:  # words that only the tokenizer knows
        return None
    bad = next((row for row in rows if not _can_be_swapped(row)), None)
    if bad is None:
        return None
    return (
        f"the text of row {bad.number} does not hold its distractor, or there are several words, "
        "so that no answer can stand in its place"
    )


def _can_be_swapped(row: GivenRow) -> bool:
    """Whether the one answer can stand in the place of the one distractor."""
    if len(row.answer) != 1 or len(row.distractor) != 1:
        return False
    word = re.escape(row.distractor[0].strip())
    return re.search(rf"(?<!\w){word}(?!\w)", row.clean) is not None


def wrong_training(
    typed: Mapping[str, Any], rosters: Mapping[str, Roster], shipped: Roster | None
) -> Iterator[Problem]:
    """Tasks and models of the zoo that do not exist.

    Args:
        rosters: parameter -> roster of the run.
        shipped: every entry that any roster has; the zoo's shapes are those of all environments.
    """
    tasks, zoo, readers = (typed.get(name) for name in ("tasks", "zoo", "zoo_readers"))
    names = set(tasks.root) if isinstance(tasks, Tasks) else None
    if names is not None:
        for parameter, roster in rosters.items():
            for slug, entry in roster.root.items():
                yield from _unknown(
                    f"{parameter}.{slug}.objectives", entry.objectives, names | {*QUESTION_IDS}
                )
        if isinstance(zoo, ZooSettings):
            yield from _unknown("zoo.rows", zoo.rows, names)
    if shipped is not None:
        if isinstance(zoo, ZooSettings):
            yield from _unknown("zoo.shapes", zoo.shapes, shipped.root, "model")
        if isinstance(readers, ReaderSettings):
            yield from _unknown("zoo_readers.models", readers.models, shipped.root, "model")
    for parameter, roster in rosters.items():
        for slug, entry in roster.root.items():
            begun = filter(None, [entry.begins_as])
            yield from _unknown(f"{parameter}.{slug}.begins_as", begun, roster.root, "model")


def _unknown(
    where: str, named: Iterable[str], known: Collection[str], what: str = "task"
) -> Iterator[Problem]:
    kind = f"{what} that is scanned" if where.startswith(("scan.", "join")) else what
    for name in named:
        if name not in known:
            yield Problem(where, f"there is no {kind} '{name}'. {instead(name, known)}")
