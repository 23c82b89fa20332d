"""``kedro run`` of this project, and what runs it where it is installed as a package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import KedroCliError
from kedro.framework.session import KedroSession

from circuit_scaling.cluster.command import OPTIONS, run_on_cluster
from circuit_scaling.compare.command import tell_difference
from circuit_scaling.configuration import LEFT_OUT, ProjectConfigLoader
from circuit_scaling.datasets import TableDataset
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.plan.command import tell_plan
from circuit_scaling.prune import remove_waste, waste_in
from circuit_scaling.runners import InOneProcess, InProcesses, InThreads


class OneLineCommand(click.Command):
    """A command that says what is wrong with its options.

    Kedro 1.7 prints "NoneType: None" in place of its own words with the present click.
    """

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the options; see :class:`click.Command`.

        Raises:
            CircuitScalingError: an option is not as Kedro wants it.
        """
        with _in_one_line():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run; see :class:`click.Command`.

        Raises:
            CircuitScalingError: the options do not go together.
        """
        with _in_one_line():
            return super().invoke(ctx)


@contextmanager
def _in_one_line() -> Iterator[None]:
    try:
        yield
    except KedroCliError as error:
        raise CircuitScalingError(error.message) from error


_RUNNERS = {
    "SequentialRunner": InOneProcess,
    "ThreadRunner": InThreads,
    "ParallelRunner": InProcesses,
}
_OURS = (
    click.Option(
        ["--resume"],
        is_flag=True,
        help="Run only what is missing, damaged, or made from something else than is there now.",
    ),
    click.Option(
        ["--keep-going"],
        is_flag=True,
        help="Where a step fails, run all that does not need it; fail at the end.",
    ),
    click.Option(
        ["--without"],
        default="",
        metavar="MODELS",
        help="Leave these models of the rosters out, by their slugs.",
    ),
)


_SHARED = ("env", "pipelines", "conf_source", "params", "without")
"""Options of ``kedro cluster`` and ``kedro plan`` that mean what they mean in ``kedro run``."""


def _run(resume: bool, keep_going: bool, without: str, **kwargs: Any) -> Any:
    """``kedro run``, with what the project adds."""
    kwargs["params"] = _without(kwargs["params"], without)
    if resume or keep_going:
        name = kwargs["runner"] or "SequentialRunner"
        runner = _RUNNERS.get(name.rpartition(".")[2])
        if runner is None:
            raise CircuitScalingError(
                f"--resume and --keep-going go with --runner {', '.join(_RUNNERS)}, and not with "
                f"'{name}'."
            )
        if kwargs["only_missing_outputs"]:
            raise CircuitScalingError(
                "--only-missing-outputs looks at whether a table exists, and --resume also at what "
                "it was made from: give one of them."
            )
        kwargs["runner"] = f"{runner.__module__}.{runner.__name__}"
        given = {"resume": resume, "keep_going": keep_going}
        kwargs["runner_params"] = {**(kwargs["runner_params"] or {}), **given}
    assert kedro_run.callback is not None
    return kedro_run.callback(**kwargs)


def _cluster(without: str, **kwargs: Any) -> None:
    """``kedro cluster``."""
    run_on_cluster(**kwargs | {"params": _without(kwargs["params"], without)})


def _plan(without: str, **kwargs: Any) -> None:
    """``kedro plan``."""
    if not tell_plan(**kwargs | {"params": _without(kwargs["params"], without)}):
        click.get_current_context().exit(1)


def _without(params: dict[str, Any] | None, slugs: str) -> dict[str, Any] | None:
    """Run-time parameters with the models that are left out."""
    left_out = [slug.strip() for slug in slugs.split(",") if slug.strip()]
    return {**(params or {}), LEFT_OUT: left_out} if left_out else params


run = OneLineCommand(
    kedro_run.name, callback=_run, params=[*kedro_run.params, *_OURS], help=kedro_run.help
)
_SHARED_OPTIONS = [option for option in run.params if option.name in _SHARED]
cluster = OneLineCommand(
    "cluster",
    callback=_cluster,
    params=[*OPTIONS, *_SHARED_OPTIONS],
    help="Run what is missing or stale, every stage of a model on a worker of a Dask cluster.",
)
plan = OneLineCommand(
    "plan",
    callback=_plan,
    params=_SHARED_OPTIONS,
    help="Say what a run would take: operations, time, memory, disk, and what is missing for it.",
)


@click.command(name="prune")
@click.option("--env", "-e", default=None, help="The environment whose data root is looked at.")
@click.option(
    "--keep",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="Keep so many of the newest versions of each table.",
)
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
def prune(env: str | None, keep: int, dry_run: bool) -> None:
    """Remove old versions of tables, and what killed runs have left.

    Versions stay that a newest table, the page, figures, notes or exports were made from.
    """
    catalog = KedroSession.create(env=env).load_context().catalog
    data_root = ProjectConfigLoader.present().data_root

    def folder_of(name: str) -> Path | None:
        dataset = catalog.get(name)
        return Path(dataset._filepath) if isinstance(dataset, TableDataset) else None

    waste = waste_in(data_root, folder_of, keep)
    if not dry_run:
        remove_waste(data_root, waste)
    click.echo(f"{'Would remove' if dry_run else 'Removed'} in '{data_root}':")
    for line in waste.in_words(data_root):
        click.echo(f"  {line}")


@click.command(name="compare")
@click.argument("a", metavar="A")
@click.argument("b", metavar="[B]", required=False)
@click.option(
    "--before",
    metavar="VERSION",
    help="In place of B: compare A as it was before this version of its tables with A now.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write tables (CSV) and figures there.",
)
def compare(a: str, b: str | None, before: str | None, out: Path | None) -> None:
    """Say what differs between two runs, and which of it is more than noise.

    A and B are environments, or folders of data.
    """
    tell_difference(a, b, before, out)


@click.group(name="kedro")
def cli() -> None:
    """The commands that the project has in place of Kedro's."""


cli.add_command(run)
cli.add_command(cluster)
cli.add_command(plan)
cli.add_command(compare)
cli.add_command(prune)
