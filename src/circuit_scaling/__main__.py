"""``python -m circuit_scaling`` runs the project's pipelines, as ``kedro run`` does."""

from __future__ import annotations

import sys
from pathlib import Path

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project


def main() -> None:
    """Configure the project by its package name and run."""
    package = Path(__file__).parent.name
    configure_project(package)
    find_run_command(package)(standalone_mode=not hasattr(sys, "ps1"))


if __name__ == "__main__":
    main()
