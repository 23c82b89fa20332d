"""The project's context: one configuration for everything, and one-line errors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.project import settings
from kedro.utils import find_kedro_project
from kedro.validation.exceptions import ParameterValidationError

from circuit_scaling.commands import remember_run
from circuit_scaling.configuration import LEFT_OUT, ProjectConfigLoader, with_models
from circuit_scaling.errors import CircuitScalingError

_VALUE = re.compile(r" \[type=\w+, input_value=(?P<value>.*), input_type=\w+\]$")
_BLOCK = re.compile(r"- Parameter '(?P<name>[^']+)'")
_LONGEST_VALUE = 60


class ProjectContext(KedroContext):
    """Kedro's context; pipelines, folders and suggested commands follow it from its making on.

    The pipelines are built from the roster, so that a session with another environment, another
    configuration or other parameters must not meet the pipelines of the one before.
    """

    config_loader: ProjectConfigLoader

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.config_loader.make_present(self.project_path)
        loader, own = self.config_loader, self.project_path / settings.CONF_SOURCE
        remember_run(
            "kedro run" if find_kedro_project(self.project_path) else "python -m circuit_scaling",
            env=None if self.env == loader.default_run_env else self.env,
            conf_source=None if Path(loader.conf_source) == own else str(loader.conf_source),
            params=self._runtime_params,
            without=(self._runtime_params or {}).get(LEFT_OUT, ()),
        )

    @property
    def params(self) -> dict[str, Any]:
        """The parameters; a value that a typed parameter refuses is named in one line."""
        # Also of pipelines that are not run: what they made is compared with their parameters.
        self._pipelines_to_validate = None
        loader = self.config_loader
        loader["parameters"] = with_models(
            loader["parameters"], self.project_path, Path(loader.conf_source)
        )
        try:
            return super().params
        except ParameterValidationError as error:
            raise CircuitScalingError(_readable(str(error))) from error


def _readable(message: str) -> str:
    """Kedro's and pydantic's message in one line: each refused value with its place."""
    block, place, wrong = "", "", []
    for line in message.splitlines():
        if found := _BLOCK.match(line):
            block, place = found["name"], ""
            if "validation error" not in line:  # Kedro's own words, not pydantic's
                wrong.append(line.removeprefix("- "))
        elif line.startswith("    "):
            continue  # where pydantic's manual is
        elif line.startswith("  "):
            said = _VALUE.sub(_shown_value, line.strip())
            wrong.append(f"{'.'.join(filter(None, (block, place)))}: {said}")
        else:
            place = line
    return f"The configuration is not valid: {'; '.join(wrong)}."


def _shown_value(found: re.Match[str]) -> str:
    value = found["value"]
    return f" (given: {value})" if len(value) <= _LONGEST_VALUE else ""
