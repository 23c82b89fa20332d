"""The commands and all of their options, read from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc

import click

from circuit_scaling.cli import cli
from docs.generate.markdown import cell, page, table

_FIRST = (
    "What the project has in place of Kedro's commands, and what it adds to them. Every other "
    "command of Kedro (`kedro catalog`, `kedro registry`, `kedro viz`, `kedro ipython`) works as "
    "always; "
    "`kedro COMMAND --help` says the same as this page."
)


def commands_page() -> str:
    """The page of all commands, as Markdown."""
    return page("Commands", _FIRST, *(part for name in cli.commands for part in _command(name)))


def _command(name: str) -> Iterator[str]:
    command = cli.commands[name]
    yield f"## `kedro {name}`"
    yield cleandoc(command.help or "")
    rows = [_option(option) for option in command.params if isinstance(option, click.Option)]
    yield table(("option", "takes", "default", "what it does"), rows)


def _option(option: click.Option) -> tuple[str, ...]:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    takes = "" if option.is_flag else f"`{option.make_metavar(click.Context(click.Command('')))}`"
    given = option.default
    default = f"`{given}`" if isinstance(given, int | float) and not option.is_flag else ""
    return names, takes, default, cell(option.help or "")
