"""Blocks of the configuration against the classes that say what they hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, RootModel, TypeAdapter, ValidationError

from circuit_scaling.checks.problem import Problem, instead

_LONGEST_VALUE = 60
_BRANCH = re.compile(r".*[\[(].*|constrained-\w+|int|str|float|bool")
"""How pydantic names the branches of a choice between types: no part of the configuration."""


def checked_blocks(
    parameters: Mapping[str, Any], kinds: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Problem]]:
    """The blocks that are right, typed, by their dotted names; and what is wrong with the others.

    Args:
        kinds: dotted name -> the type that nodes take it as. A block that is not there is left out.
    """
    right: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, kind in kinds.items():
        there, value = _value(parameters, name)
        if not there:
            continue
        found = wrong_in(name, value, kind)
        problems += found
        if not found:
            right[name] = TypeAdapter(kind).validate_python(value)
    return right, problems


def wrong_in(name: str, value: Any, kind: Any) -> list[Problem]:
    """Every refused value with its place; of an unknown name, the known one that is like it."""
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        said: dict[str, dict[str, None]] = {}
        for one in error.errors(include_url=False):
            where, what = _told(name, one, kind)
            said.setdefault(where, {})[what] = None
        # Where a value may be of several types, each of them has said why it is not.
        return [Problem(where, ", or: ".join(words)) for where, words in said.items()]
    return []


def _told(name: str, error: Mapping[str, Any], kind: Any) -> tuple[str, str]:
    """Where a value is, and what pydantic says against it."""
    loc = [part for part in error["loc"] if not _BRANCH.fullmatch(str(part))]
    where = ".".join(map(str, (name, *loc)))
    if error["type"] == "extra_forbidden":
        return where, f"there is no such setting. {instead(str(loc[-1]), _fields(kind, loc))}"
    given = "" if error["type"] in ("value_error", "missing") else _given(error["input"])
    return where, f"{error['msg'].removeprefix('Value error, ')}{given}"


def _given(value: Any) -> str:
    shown = repr(value)
    return f" (given: {shown})" if len(shown) <= _LONGEST_VALUE else ""


def _fields(kind: Any, loc: list[Any]) -> list[str]:
    """The settings that stand beside the last name of ``loc``."""
    for part in loc[:-1]:
        if isinstance(kind, type) and issubclass(kind, RootModel):
            kind = kind.model_fields["root"].annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel) and part in kind.model_fields:
            kind = kind.model_fields[part].annotation
        else:
            held = [one for one in get_args(kind) if one is not Ellipsis]
            kind = held[-1] if held else None
    for known in (kind, *get_args(kind)):
        if isinstance(known, type) and issubclass(known, BaseModel):
            return list(known.model_fields)
    return []


def _value(parameters: Mapping[str, Any], name: str) -> tuple[bool, Any]:
    """Whether there is a value of this dotted name, and the value."""
    value: Any = parameters
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return False, None
        value = value[part]
    return True, value
