"""The commands and all of their options, read from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import cleandoc

import click

from circuit_scaling.cli import cli
from docs.generate.catalogue import PROJECT
from docs.generate.markdown import cell, page, table

_FIRST = (
    "What the project has in place of Kedro's commands, and what it adds to them. Every other "
    "command of Kedro (`kedro catalog`, `kedro registry`, `kedro viz`, `kedro ipython`) works as "
    "always; "
    "`kedro COMMAND --help` says the same as this page."
)


_OF_MAKE = """\
In a checkout; each builds the environment first, if it is not there. They need no activated
environment. The times are those of two cores."""
_NAME = re.compile(r"(?<!`)(?:--[a-z][\w-]*|__\w+__)(?!`)")  # else a dash, or bold
_TARGET = re.compile(r"^(?P<name>[a-z-]+):.*##\s*(?P<words>.+)$", re.M)


def commands_page() -> str:
    """The page of all commands, as Markdown."""
    commands = [part for name in cli.commands for part in _command(name)]
    return page("Commands", _FIRST, *commands, "## `make`", _OF_MAKE, _targets())


def _targets() -> str:
    text = (PROJECT / "Makefile").read_text(encoding="utf-8")
    rows = [(f"`make {found['name']}`", cell(found["words"])) for found in _TARGET.finditer(text)]
    return table(("command", "what it does"), rows)


def _command(name: str) -> Iterator[str]:
    command = cli.commands[name]
    yield f"## `kedro {name}`"
    yield cleandoc(command.help or "")
    rows = [_option(option) for option in command.params if isinstance(option, click.Option)]
    yield table(("option", "takes", "default", "what it does"), rows)


def _option(option: click.Option) -> tuple[str, ...]:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    takes = "" if option.is_flag else f"`{_metavar(option)}`"
    given = option.default
    default = f"`{given}`" if isinstance(given, int | float) and not option.is_flag else ""
    return names, takes, default, cell(_NAME.sub(r"`\g<0>`", option.help or ""))


def _metavar(option: click.Option) -> str:
    """What an option takes, as its help calls it."""
    return option.make_metavar(click.Context(click.Command(""))).removesuffix(" RANGE")
