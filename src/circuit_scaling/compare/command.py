"""``kedro compare``: what differs between two runs, and which of it is more than noise."""

from __future__ import annotations

from pathlib import Path

from kedro.framework.project import settings
from kedro.utils import find_kedro_project
from rich.console import Console

from circuit_scaling.compare.heads import compare_heads
from circuit_scaling.compare.made import differences
from circuit_scaling.compare.numbers import compare_numbers
from circuit_scaling.compare.runs import Run, check_run
from circuit_scaling.compare.shown import show
from circuit_scaling.configuration import ProjectConfigLoader
from circuit_scaling.errors import CircuitScalingError, reason_of

_WIDTH = 100


def tell_difference(a: str, b: str | None, before: str | None, out: Path | None) -> None:
    """Print how two runs differ, and write it to a folder where one is named.

    Args:
        a, b: data roots, or environments of the project.
        before: compare ``a`` as it was before this version of its tables with what it is now.

    Raises:
        CircuitScalingError: there is no such run, it has nothing to compare, or the folder cannot
            be written.
    """
    if (b is None) == (before is None):
        raise CircuitScalingError(
            "Name two runs: kedro compare A B, or one and a version of its tables: kedro compare A "
            "--before VERSION."
        )
    runs = Run(a, _root_of(a), before), Run(b or a, _root_of(b or a))
    for run in runs:
        check_run(run)
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    for letter, run in zip("AB", runs, strict=True):
        earlier = f", before {run.before}" if run.before else ""
        console.print(f"{letter}: {run.name} ('{run.root}'{earlier})", markup=False, soft_wrap=True)
    made, heads, numbers = [*differences(*runs)], compare_heads(*runs), compare_numbers(*runs)
    show(made, heads, numbers, console)
    if out is not None:
        from circuit_scaling.compare.written import write

        try:
            write(out, made, heads, numbers)
        except OSError as error:
            raise CircuitScalingError(f"'{out}' cannot be written: {reason_of(error)}.") from error
        console.print(f"Written to '{out}'.", markup=False, soft_wrap=True)


def _root_of(name: str) -> Path:
    """The data root that a name means: a folder, or else that of an environment."""
    if Path(name).is_dir() and any(Path(name).glob("[0-9][0-9]_*")):
        return Path(name)
    project = find_kedro_project(Path.cwd()) or Path.cwd()
    source = project / settings.CONF_SOURCE
    if not (source / name).is_dir():
        there = ", ".join(sorted(path.name for path in source.glob("*/") if path.is_dir()))
        raise CircuitScalingError(
            f"'{name}' is neither a folder of data nor an environment. Environments: {there}."
        )
    loader = ProjectConfigLoader(conf_source=str(source), env=name, **settings.CONFIG_LOADER_ARGS)
    return project / str(loader["globals"]["data_root"])
