"""The project's context: one configuration for everything, and one-line errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.project import pipelines, settings
from kedro.utils import find_kedro_project
from kedro.validation.exceptions import ParameterValidationError
from kedro.validation.type_extractor import TypeExtractor

from circuit_scaling.checks.blocks import checked_blocks
from circuit_scaling.checks.problem import refuse
from circuit_scaling.commands import remember_run
from circuit_scaling.configuration import (
    LEFT_OUT,
    ProjectConfigLoader,
    with_folder_of_kept,
    with_models,
    with_task_files,
)
from circuit_scaling.resume.run_status import show_where_viewed


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
        show_where_viewed(self.project_path, loader)

    @property
    def params(self) -> dict[str, Any]:
        """The parameters, with the folders of models and of kept layers where this run has them.

        Raises:
            CircuitScalingError: names each value that a typed parameter refuses.
        """
        # Also of pipelines that are not run: what they made is compared with their parameters.
        self._pipelines_to_validate = None
        loader = self.config_loader
        project, conf_source = self.project_path, Path(loader.conf_source)
        # Each time from what was read: a model that is left out is not there to be left out again.
        given = with_models(dict(loader.parameters), project, conf_source)
        given = with_task_files(given, project, conf_source)
        loader["parameters"] = with_folder_of_kept(given, project)
        try:
            return super().params
        except ParameterValidationError:
            kinds = TypeExtractor(dict(pipelines)).extract_types_from_pipelines()
            refuse(checked_blocks(loader["parameters"], kinds)[1])
            raise
