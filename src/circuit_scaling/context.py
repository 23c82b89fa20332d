"""The project's context: one environment for everything, and one-line errors."""

from __future__ import annotations

import os
from typing import Any

from kedro.framework.context import KedroContext
from kedro.validation.exceptions import ParameterValidationError

from circuit_scaling.errors import CircuitScalingError


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
            raise CircuitScalingError(str(error)) from error
