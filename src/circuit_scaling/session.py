"""The project's session: a name that does not exist is one line with the names that do."""

from __future__ import annotations

from typing import Any

from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.pipeline.pipeline import OutputNotUniqueError

from circuit_scaling.errors import CircuitScalingError


class ProjectSession(KedroSession):
    """Kedro's session, with clear words for an unknown pipeline, stage or model."""

    def run(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Run pipelines; see :class:`KedroSession`.

        Raises:
            CircuitScalingError: a pipeline or a namespace (stage or model) does not exist, or two
                pipelines make the same table.
        """
        try:
            return super().run(*args, **kwargs)
        except OutputNotUniqueError as error:
            raise CircuitScalingError(
                "Two of these pipelines make the same tables: "
                f"{_listed(kwargs.get('pipeline_names'))}. Heads are joined from scans (join) or "
                "imported (import_tables), never both in one run."
            ) from error
        except ValueError as error:
            if "Failed to find the pipeline" in str(error):
                known = ", ".join(name for name in pipelines if name != "__default__")
                raise CircuitScalingError(
                    f"There is no such pipeline: {_listed(kwargs.get('pipeline_names'))}. "
                    f"There are: {known}."
                ) from error
            if "following namespaces" in str(error):
                names = kwargs.get("pipeline_names") or ["__default__"]
                found = {n.namespace for p in names for n in pipelines[p].nodes if n.namespace}
                raise CircuitScalingError(
                    f"There is no {_listed(kwargs.get('namespaces'))} in the roster. "
                    f"There are: {', '.join(sorted(found))}."
                ) from error
            raise


def _listed(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in names or ())
