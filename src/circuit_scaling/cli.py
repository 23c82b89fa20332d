"""``kedro run`` of this project, and what runs it where it is installed as a package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import KedroCliError

from circuit_scaling.errors import CircuitScalingError


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


run = OneLineCommand(
    kedro_run.name, callback=kedro_run.callback, params=kedro_run.params, help=kedro_run.help
)


@click.group(name="kedro")
def cli() -> None:
    """The commands that the project has in place of Kedro's."""


cli.add_command(run)
