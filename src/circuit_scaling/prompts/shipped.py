"""The tasks that the package ships: ``tasks.yml`` beside this file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from circuit_scaling.prompts.spec import Tasks


def shipped_entries() -> dict[str, Any]:
    """The entries of ``tasks.yml`` by name, as they are written there."""
    text = files("circuit_scaling.prompts").joinpath("tasks.yml").read_text(encoding="utf-8")
    entries: dict[str, Any] = yaml.safe_load(text)
    return entries


@cache
def shipped_tasks() -> Tasks:
    """The shipped tasks, for use without Kedro."""
    return Tasks.model_validate(shipped_entries())
