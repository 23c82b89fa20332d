"""Names at the top of the parameters, and in globals.yml."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from circuit_scaling.checks.problem import Problem, instead

DEFAULT_PIPELINES = "default_pipelines"
_ASKED = re.compile(r"\$\{globals:\s*([\w.]+)\s*(,)?")


def unknown_parameters(
    parameters: Mapping[str, Any], known: Collection[str], global_names: Collection[str]
) -> Iterator[Problem]:
    """Names at the top that no pipeline takes; those that begin with ``_`` are for the files."""
    for name in map(str, parameters):
        if name in known or name.startswith("_"):
            continue
        if name in global_names:
            yield Problem(name, "this is no parameter. Set it in globals.yml of an environment.")
        else:
            yield Problem(name, f"there is no such parameter. {instead(name, known)}")


def wrong_globals(given: Mapping[str, Any], files: Iterable[Path]) -> Iterator[Problem]:
    """Names of globals.yml that no file asks for, and those that are asked for and not there.

    Args:
        files: those of parameters and catalogue, which say ``${globals:NAME}``.
    """
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    needed = {name for name, default in _ASKED.findall(text) if not default}
    known = {name.partition(".")[0] for name, _ in _ASKED.findall(text)} | {DEFAULT_PIPELINES}
    for name in map(str, given):
        if name not in known:
            yield Problem(f"globals.yml: {name}", f"nothing asks for it. {instead(name, known)}")
    for name in sorted(needed):
        if not _is_there(given, name):
            yield Problem("globals.yml", f"Globals key '{name}' not found, and it is needed.")


def _is_there(given: Any, name: str) -> bool:
    for part in name.split("."):
        if not isinstance(given, Mapping) or part not in given:
            return False
        given = given[part]
    return True
