"""The configuration that the pipelines are built from: that of the present context."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from kedro.config import MissingConfigException, OmegaConfigLoader
from kedro.framework.project import pipelines, settings
from kedro.utils import find_kedro_project
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError
from yaml import YAMLError

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.roster import Roster, with_slugs
from circuit_scaling.prompts.shipped import shipped_entries
from circuit_scaling.yaml_files import refuse_faulty

PARAMETER = "params:"
"""How the name of a parameter begins where nodes and catalogues name it."""
MODELS, RETRIEVAL_MODELS = "models", "retrieval_models"
ROSTERS = {MODELS: "roster", RETRIEVAL_MODELS: "retrieval_roster"}
"""Parameter -> the global that says which roster it is."""
LEFT_OUT = "left_out"
"""Parameter: slugs that are left out of both rosters."""


class ProjectConfigLoader(OmegaConfigLoader):
    """Kedro's loader; whatever cannot be read is one line, and globals are always its own."""

    _present: ClassVar[ProjectConfigLoader | None] = None
    _project = Path()

    def __init__(
        self,
        conf_source: str,
        env: str | None = None,
        runtime_params: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """See :class:`OmegaConfigLoader`, which reads globals.yml here.

        Raises:
            CircuitScalingError: a file is not YAML, or globals.yml cannot be read.
        """
        environments = (kwargs.get("base_env"), env or kwargs.get("default_run_env"))
        self._folders = [Path(conf_source) / name for name in environments if name]
        refuse_faulty(self.files("globals", "parameters", "catalog"))
        super().__init__(conf_source, env, runtime_params, **kwargs)

    def files(self, *kinds: str) -> list[Path]:
        """The YAML files of base and of the environment whose names begin so, in order."""
        return sorted(
            file
            for folder in self._folders
            for file in folder.rglob("*.y*ml")
            if file.is_file() and file.name.startswith(kinds or ("parameters", "catalog"))
        )

    def go_on_with(self, parameters: dict[str, Any]) -> None:
        """Build pipelines from other parameters than those of the files from now on."""
        self["parameters"] = parameters
        self.__dict__["parameters"] = parameters
        self.make_present(self._project)

    def go_on_without(self, name: str) -> None:
        """Build pipelines without a parameter or a global of that name from now on."""
        self["globals"] = {key: value for key, value in self["globals"].items() if key != name}
        self.go_on_with({key: value for key, value in self.parameters.items() if key != name})

    def __getitem__(self, key: str) -> dict[str, Any]:
        """The configuration of a kind, such as ``parameters``.

        Raises:
            CircuitScalingError: a folder, a key or a value is missing or cannot be read.
        """
        # The resolver of ${globals:...} is one per process: without this, the loader that was made
        # last would answer for all others.
        self._register_globals_resolver()
        try:
            found = super().__getitem__(key)
            return _with_tau(found) if key == "parameters" else found
        except MissingConfigException as error:
            if key not in ("catalog", "globals", "parameters"):
                raise  # Kedro asks for credentials, plugins for files of theirs: neither must be
            raise CircuitScalingError(self._missing()) from error
        except (OmegaConfBaseException, YAMLError, ValueError) as error:
            reason = str(error).splitlines()[0]
            if "_rosters" in reason:
                reason = (
                    "the roster that 'roster' or 'retrieval_roster' in globals.yml names is not "
                    f"under '_rosters' in parameters_models.yml ({reason})"
                )
            raise CircuitScalingError(
                f"The {key} in '{self.conf_source}' cannot be read: {reason}"
            ) from error

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters, read once: they take long to read, and pipelines ask for them often."""
        return self["parameters"]

    @property
    def data_root(self) -> Path:
        """The folder of all that is made."""
        return self._project / str(self["globals"]["data_root"])

    def make_present(self, project: Path) -> None:
        """Build pipelines from this configuration from now on, those that there are once more.

        Args:
            project: the folder that relative paths of the catalogue begin at.
        """
        self._project = project
        ProjectConfigLoader._present = self
        pipelines.configure(f"{__package__}.pipeline_registry")

    @classmethod
    def present(cls) -> ProjectConfigLoader:
        """The loader of the last context; before there is any, one for the project around.

        Kedro lists and finds pipelines without a context. The project is then that of the working
        directory, or the one whose source tree this module lies in.
        """
        if cls._present is not None:
            return cls._present
        project = find_kedro_project(Path.cwd()) or find_kedro_project(Path(__file__).parent)
        return cls(
            conf_source=str((project or Path.cwd()) / settings.CONF_SOURCE),
            env=os.environ.get("KEDRO_ENV"),
            **settings.CONFIG_LOADER_ARGS,
        )

    def _missing(self) -> str:
        source, env = Path(self.conf_source), self.env or self.default_run_env
        if not source.exists():
            return (
                f"There is no configuration '{source}'. Run inside the project, or name the folder "
                "with --conf-source."
            )
        found = sorted(path.name for path in source.glob("*/") if path.is_dir())
        if env in found:
            return f"There are no parameters or no catalogue in '{source}' for '{env}'."
        return (
            f"There is no environment '{env}' in '{source}': there are {', '.join(found)}. Choose "
            f"one with --env, or make the folder '{env}' there; it may be empty."
        )


def present_roster(name: str = MODELS) -> Roster:
    """A roster of the present configuration: that of the study, or of the retrieval pipelines.

    Raises:
        CircuitScalingError: there is none, or it is not valid.
    """
    parameters = ProjectConfigLoader.present().parameters
    if name not in parameters:
        raise CircuitScalingError(no_roster(name))
    try:
        return Roster.model_validate(_asked_for(parameters)[name])
    except ValidationError as error:
        wrong = (": ".join((*map(str, e["loc"]), e["msg"])) for e in error.errors())
        raise CircuitScalingError(f"The roster is not valid: {'; '.join(wrong)}.") from error


def no_roster(name: str) -> str:
    """That a roster is missing, and what should be there, in words."""
    return (
        f"There is no roster: '{name}' is missing in parameters_models.yml. It should be "
        f"${{_rosters.${{globals:{ROSTERS[name]}}}}}."
    )


def present_slugs(name: str = MODELS) -> tuple[str, ...]:
    """The models of a present roster."""
    return tuple(present_roster(name).root)


def with_models(parameters: dict[str, Any], project: Path, conf_source: Path) -> dict[str, Any]:
    """``parameters`` with the slug of each model, and its folder where this run has it.

    Nodes look for a relative folder from the working directory upwards. Where that does not lead
    to the project, as in a session of another place, a folder that is there is made absolute:
    below the project, or else beside the configuration.

    Raises:
        CircuitScalingError: a model is left out that no roster has, or none is left.
    """
    here = Path.cwd()

    def placed(entry: Any) -> Any:
        folder = entry.get("folder") if isinstance(entry, dict) else None
        if not isinstance(folder, str):
            return entry
        found = [base for base in (project, conf_source.parent) if (base / folder).is_dir()]
        if not found or here.is_relative_to(found[0]):
            return entry
        return entry | {"folder": str(found[0] / folder)}

    rosters = {name: models for name, models in _asked_for(parameters).items() if name in ROSTERS}
    return parameters | {
        name: {slug: placed(entry) for slug, entry in with_slugs(models).items()}
        for name, models in rosters.items()
        if isinstance(models, dict)
    }


def with_task_files(
    parameters: Mapping[str, Any], project: Path, conf_source: Path
) -> dict[str, Any]:
    """``parameters`` with the files of tasks where this run has them.

    A relative path that is there below the project, or else beside the configuration, is made
    absolute: nodes may run elsewhere. Any other is left to the working directory.
    """

    def placed(entry: Any) -> Any:
        file = entry.get("file") if isinstance(entry, Mapping) else None
        if not isinstance(file, str):
            return entry
        found = [base / file for base in (project, conf_source.parent) if (base / file).is_file()]
        return {**entry, "file": str(found[0])} if found else entry

    tasks = parameters.get("tasks")
    if not isinstance(tasks, Mapping):
        return dict(parameters)
    return {**parameters, "tasks": {name: placed(entry) for name, entry in tasks.items()}}


def _asked_for(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, with the rosters without the models that are left out.

    Raises:
        CircuitScalingError: no roster has such a model, or none is left.
    """
    left_out = [str(slug) for slug in parameters.get(LEFT_OUT) or ()]
    rosters = {
        name: parameters[name] for name in ROSTERS if isinstance(parameters.get(name), Mapping)
    }
    if unknown := [slug for slug in left_out if not any(slug in r for r in rosters.values())]:
        there = dict.fromkeys(slug for models in rosters.values() for slug in models)
        raise CircuitScalingError(
            f"There is no model {', '.join(unknown)} to leave out. There are: {', '.join(there)}."
        )
    kept = {
        name: {slug: entry for slug, entry in models.items() if slug not in left_out}
        for name, models in rosters.items()
    }
    return {**parameters, **{name: kept[name] for name in kept if left_out}}


def with_folder_of_kept(parameters: dict[str, Any], project: Path) -> dict[str, Any]:
    """``parameters`` with the folder of kept layers below the project, as all files are."""
    scan = parameters.get("scan")
    if not isinstance(scan, dict) or not isinstance(scan.get("keep_in"), str):
        return parameters
    return parameters | {"scan": scan | {"keep_in": str(project / scan["keep_in"])}}


def shipped_task_node() -> DictConfig:
    """What ``${shipped_tasks:}`` stands for: a node, so that parameters merge into it."""
    return OmegaConf.create(shipped_entries())


def _with_tau(parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters where heads are settled at the tau of categories, if nothing else is said.

    Not ``${classify.tau}`` in base: it would stand for base's value, whatever the environment says.
    """
    match parameters:
        case {"classify": {"tau": tau}, "scan": {"settle": {"tau": None} as settle} as scan}:
            return {**parameters, "scan": {**scan, "settle": {**settle, "tau": tau}}}
    return parameters
