"""Tasks as Python names them: those that the package ships, and files of prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import FILE, Tasks, TaskSpec

AskedTask = str | Path | Mapping[str, Any]
"""A shipped task by name, a file of prompts by path, or the entry of one as in the parameters."""

_SUFFIXES = (".csv", ".parquet")


@dataclass(frozen=True)
class AskedTasks:
    """What is asked for.

    Attributes:
        specs: the tasks by name, in the order in which they were asked for; a file is called by
            the name that it has without its folder and its ending.
        built: whose prompts are made: all shipped tasks where one of them is asked for, so that
            they are those of a run, and the files.
    """

    specs: dict[str, TaskSpec]
    built: Tasks


def asked_tasks(asked: AskedTask | Sequence[AskedTask]) -> AskedTasks:
    """One task or several.

    Raises:
        CircuitScalingError: there is no task of a name, none is asked for, two have one name, or
            the entry of a file is wrong.
    """
    shipped, known = shipped_tasks().root, shipped_tasks().scanned()
    entries: dict[str, Mapping[str, Any] | None] = {}
    for task in [asked] if isinstance(asked, str | Path | Mapping) else asked:
        entry = _of_file(task)
        name = str(task) if entry is None else Path(str(entry["file"])).stem
        if entry is None and name not in known:
            raise CircuitScalingError(
                f"Unknown task '{name}'. There are: {', '.join(known)}. A task of your own is a "
                f"file of prompts: {' or '.join(_SUFFIXES)}."
            )
        if entries.setdefault(name, entry) != entry:
            raise CircuitScalingError(f"Two tasks are called '{name}': rename a file.")
    if not entries:
        raise CircuitScalingError(f"Name at least one task: {', '.join(known)}.")
    files = {name: entry for name, entry in entries.items() if entry is not None}
    built = _typed(files)
    if len(files) < len(entries):
        for name in files.keys() & shipped.keys():
            raise CircuitScalingError(
                f"The file of task '{name}' is called as a task of the package is: rename it, or "
                "measure it alone."
            )
        built = {**shipped, **built}
    return AskedTasks({name: built[name] for name in entries}, Tasks.model_construct(root=built))


def _of_file(task: AskedTask) -> Mapping[str, Any] | None:
    """The entry of a task whose prompts stand in a file; None of any other."""
    if isinstance(task, Mapping):
        if not task.get("file"):
            raise CircuitScalingError(f"A task of your own names its 'file', and not so: {task}.")
        return {**task, "file": str(task["file"])}
    return {"file": str(task)} if Path(task).suffix in _SUFFIXES else None


def _typed(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, TaskSpec]:
    """The files' entries as the parameters would have them; they need not say that they are.

    Raises:
        CircuitScalingError: an entry has a field that there is not, or that is wrong.
    """
    if not entries:
        return {}
    given = {name: {"build": FILE, **entry} for name, entry in entries.items()}
    try:
        return dict(Tasks.model_validate(given).root)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise CircuitScalingError(
            f"The task is not valid: {where}: {first['msg'].removeprefix('Value error, ')}"
        ) from error
