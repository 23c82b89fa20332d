"""Kedro's settings of the project."""

from __future__ import annotations

from kedro.config import OmegaConfigLoader

from circuit_scaling.context import ProjectContext
from circuit_scaling.hooks import MissingInputs, OneLineErrors

CONTEXT_CLASS = ProjectContext
HOOKS = (MissingInputs(), OneLineErrors())
CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # Without soft merging, one run-time parameter would drop the rest of its block.
    "merge_strategy": {"parameters": "soft"},
}
