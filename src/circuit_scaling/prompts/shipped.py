"""The tasks of the project's own configuration, for use without Kedro."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.spec import Tasks

_FILE = Path("conf") / "base" / "parameters_scan.yml"


@cache
def shipped_tasks() -> Tasks:
    """The tasks of ``conf/base/parameters_scan.yml``, in the working directory or above it, else in
    the source tree that this package is run from.

    Raises:
        CircuitScalingError: there is no such file; the package alone does not hold the tasks.
    """
    here, package = Path.cwd(), Path(__file__).resolve()
    for base in (here, *here.parents, *package.parents):
        if (base / _FILE).is_file():
            text = (base / _FILE).read_text(encoding="utf-8")
            return Tasks.model_validate(yaml.safe_load(text)["tasks"])
    raise CircuitScalingError(
        f"There is no '{_FILE}' in {here} or above it: run inside a checkout of the project."
    )
