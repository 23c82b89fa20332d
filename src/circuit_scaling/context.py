"""The project's context: one environment for everything, and one-line errors."""

from __future__ import annotations

import os
import re
from typing import Any

from kedro.framework.context import KedroContext
from kedro.validation.exceptions import ParameterValidationError

from circuit_scaling.errors import CircuitScalingError

_VALUE = re.compile(r" \[type=\w+, input_value=(?P<value>.*), input_type=\w+\]$")
_LONGEST_VALUE = 60


class ProjectContext(KedroContext):
    """Kedro's context, with the environment exported.

    The pipelines are built from the roster, which depends on the environment; ``--env`` reaches
    the registry (and the workers of parallel runs) only as ``KEDRO_ENV``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.env:
            os.environ["KEDRO_ENV"] = self.env

    @property
    def params(self) -> dict[str, Any]:
        """The parameters; a value that a typed parameter refuses is named in one line."""
        try:
            return super().params
        except ParameterValidationError as error:
            raise CircuitScalingError(_readable(str(error))) from error


def _readable(message: str) -> str:
    """Kedro's and pydantic's message, with the refused value but without dumps and manuals."""
    lines = [line for line in message.splitlines() if "For further information" not in line]
    return "\n".join(_VALUE.sub(_shown_value, line) for line in lines if line.strip())


def _shown_value(found: re.Match[str]) -> str:
    value = found["value"]
    return f" (given: {value})" if len(value) <= _LONGEST_VALUE else ""
