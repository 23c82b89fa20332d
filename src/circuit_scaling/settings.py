"""Kedro's settings of the project."""

from __future__ import annotations

import warnings

from omegaconf.resolvers import oc

from circuit_scaling.configuration import ProjectConfigLoader, shipped_task_node
from circuit_scaling.context import ProjectContext
from circuit_scaling.hooks import (
    FinishedScans,
    KnownVersions,
    MissingInputs,
    OneAtATime,
    OneLineErrors,
)
from circuit_scaling.provenance import MadeWith, NothingOutdated, Stamping
from circuit_scaling.resume.run_status import RunStatus
from circuit_scaling.session import ProjectSession

# Kedro 1.7 with OmegaConf 2.4 says this twice in every run.
warnings.filterwarnings("ignore", message=r"\s*register_new_resolver")

CONTEXT_CLASS = ProjectContext
SESSION_CLASS = ProjectSession
# Kedro calls them from the last to the first.
HOOKS = (
    RunStatus(),
    OneAtATime(),
    Stamping(),
    NothingOutdated(),
    MissingInputs(),
    KnownVersions(),
    MadeWith(),
    FinishedScans(),
    OneLineErrors(),
)
# RunStatus records every run; kedro-viz's own hooks know those of Kedro's sequential runner alone.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-viz",)
CONFIG_LOADER_CLASS = ProjectConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "custom_resolvers": {
        "oc.env": oc.env,  # the data root of the tests is a temporary folder
        "shipped_tasks": shipped_task_node,
    },
    # Without soft merging, one run-time parameter would drop the rest of its block.
    "merge_strategy": {"parameters": "soft"},
}
