"""Commands that messages and the report suggest: pasted into a shell, they reach the same run."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from omegaconf import OmegaConf

# An environment variable, because nodes suggest commands too, and they may run in processes of
# their own. It is not KEDRO_ENV: that would choose the environment of the next session as well.
_COMMAND, _PARAMS = "CIRCUIT_SCALING_COMMAND", "CIRCUIT_SCALING_PARAMS"
_WITHOUT = "--without"
Plain = str | bool | int | float | None
"""What a command line can give as a parameter."""
_PLAIN = re.compile(r"[\w./~]([\w./~ -]*[\w./~-])?")


def remember_run(
    program: str,
    env: str | None = None,
    conf_source: str | None = None,
    params: Mapping[str, Any] | None = None,
    without: Iterable[str] = (),
) -> None:
    """Let every command from now on begin as this run did.

    Args:
        program: ``kedro run``, or what runs the pipelines where there is no project.
        env: the environment, where it is not the default one.
        conf_source: the folder of the configuration, where it is not the project's own.
        params: run-time parameters as nested blocks. A list, which a command line cannot give, is
            left out.
        without: models of the rosters that are left out.
    """
    given = {"--env": env, "--conf-source": conf_source, _WITHOUT: ",".join(without)}
    options = [part for option, value in given.items() if value for part in (option, value)]
    os.environ[_COMMAND] = shlex.join([*shlex.split(program), *options])
    os.environ[_PARAMS] = json.dumps(dict(_dotted(params or {})))


def run_command(
    pipelines: Iterable[str] = (),
    *,
    namespace: str | None = None,
    env: str | None = None,
    params: Mapping[str, Plain] | None = None,
    options: Iterable[str] = (),
    without: Iterable[str] = (),
) -> str:
    """The command that runs ``pipelines`` (by default, those of the environment), quoted.

    Args:
        namespace: the part of the pipelines that is run, such as one model.
        env: the environment that the command needs, where the present run names none.
        params: run-time parameters by their dotted names, beside those of the run.
        options: further words, such as ``--resume``.
        without: models of the rosters that are left out, beside those that the run leaves out.
    """
    command = _leaving_out(os.environ.get(_COMMAND, "kedro run"), without)
    if env and "--env" not in shlex.split(command):
        command = f"{command} --env {shlex.quote(env)}"
    given: dict[str, Plain] = json.loads(os.environ.get(_PARAMS, "{}")) | dict(params or {})
    narrowed = {
        "--pipelines": ",".join(pipelines),
        "--namespaces": namespace,
        "--params": ",".join(f"{name}={_value(value)}" for name, value in given.items()),
    }
    rest = [*options]
    rest += [part for option, value in narrowed.items() if value for part in (option, value)]
    return f"{command} {shlex.join(rest)}".rstrip()


def _leaving_out(command: str, without: Iterable[str]) -> str:
    """The command with more models left out: an option that is given twice counts once."""
    words, more = shlex.split(command), list(without)
    if not more:
        return command
    if _WITHOUT in words:
        at = words.index(_WITHOUT)
        words[at + 1] = ",".join([words[at + 1], *more])
    else:
        words += [_WITHOUT, ",".join(more)]
    return shlex.join(words)


def command_in(env: str) -> str:
    """The command that runs another environment, with its own pipelines and parameters."""
    words = shlex.split(os.environ.get(_COMMAND, "kedro run"))
    if "--env" in words:
        at = words.index("--env")
        words[at : at + 2] = []
    return shlex.join([*words, "--env", env])


def _dotted(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Plain]]:
    """The values of nested blocks by their dotted names; lists are left out."""
    for name, value in params.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{name}.")
        elif value is None or isinstance(value, str | bool | int | float):
            yield f"{prefix}{name}", value


def _value(value: Plain) -> str:
    """``value`` as the command line takes it.

    Kedro splits at every comma and reads the parts as YAML. A text that would not come through is
    written as a YAML string, in which a comma has another name.
    """
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and OmegaConf.from_dotlist([f"value={value}"])["value"] == value:
        return value
    escaped = value.replace("${", "\\${")  # no interpolation
    return json.dumps(escaped, ensure_ascii=False).replace(",", "\\u002c")
