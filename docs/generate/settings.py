"""What a class of typed settings says of its fields: types, bounds with their reasons, meanings."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import AfterValidator, BaseModel, ByteSize, RootModel
from pydantic.fields import FieldInfo

_ENTRY = re.compile(r" {4}(?P<names>\w+(?:, \w+)*): (?P<words>.*)")
_NAMES = {
    int: "integer",
    float: "number",
    bool: "true or false",
    type(None): "null",
    ByteSize: "size, such as `8GiB`",
}
_SIGNS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}


@dataclass(frozen=True)
class Setting:
    """One field of a class of settings.

    Attributes:
        name: of the field.
        holds: its type, in words.
        bounds: what a value must keep, with the reason where the class gives one.
        meaning: from the docstring of the class; empty where that says nothing.
        in_results: whether results depend on it, so that another value makes tables stale.
        block: the class of settings that it holds, if it does.
    """

    name: str
    holds: str
    bounds: str
    meaning: str
    in_results: bool
    block: type[BaseModel] | None


def entry_class(kind: Any) -> type[BaseModel] | None:
    """The class of settings behind a type: of a mapping or a list, that of its values."""
    if isinstance(kind, type) and issubclass(kind, RootModel):
        return entry_class(kind.model_fields["root"].annotation)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next((found for part in get_args(kind) if (found := entry_class(part))), None)


def settings_of(kind: type[BaseModel]) -> Iterator[Setting]:
    """The fields of a class of settings, in their order."""
    meanings = _meanings(kind)
    left_out: frozenset[str] = getattr(kind, "not_in_results", frozenset())
    for name, field in kind.model_fields.items():
        yield Setting(
            name,
            _type(field.annotation),
            "; ".join(_bounds(field)),
            meanings.get(name, ""),
            name not in left_out,
            entry_class(field.annotation),
        )


def _meanings(kind: type[BaseModel]) -> Mapping[str, str]:
    """Field -> what the section *Attributes* says of it, in the class or in one it is made of."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        text = inspect.cleandoc(base.__doc__ or "").partition("Attributes:\n")[2]
        names: list[str] = []
        for line in text.splitlines():
            if entry := _ENTRY.fullmatch(line):
                names = entry["names"].split(", ")
                found.update(dict.fromkeys(names, entry["words"]))
            elif line.startswith("     "):
                found.update({name: f"{found[name]} {line.strip()}" for name in names})
    return {name: _as_markdown(text) for name, text in found.items()}


def _as_markdown(text: str) -> str:
    """A docstring's words in Markdown: of a reference the last name is left."""
    named = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", text)
    return named.replace("``", "`")


def _type(kind: Any) -> str:
    """A type in words."""
    origin, parts = get_origin(kind), get_args(kind)
    if hasattr(kind, "__metadata__"):  # Annotated
        return _type(parts[0])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in parts)
    inner = [_type(part) for part in parts if part is not Ellipsis]
    if origin in (Union, types.UnionType):
        return " or ".join(inner)
    if origin is tuple:
        return f"list of {inner[0]}" if Ellipsis in parts else f"[{', '.join(inner)}]"
    if origin is dict:
        return f"mapping of {inner[0]} to {inner[1]}"
    return _NAMES.get(kind, "text" if entry_class(kind) is None else "block")


def _bounds(field: FieldInfo) -> Iterator[str]:
    """What a value must keep, from the field and from the types within it."""
    for held in (*field.metadata, *_within(field.annotation)):
        if isinstance(held, FieldInfo):
            yield from (text for part in held.metadata for text in _bound(part))
        else:
            yield from _bound(held)


def _bound(held: Any) -> Iterator[str]:
    for name, words in _SIGNS.items():
        if getattr(held, name, None) is not None:
            yield f"{words} {_number(getattr(held, name))}"
    if isinstance(held, AfterValidator):
        given = inspect.getclosurevars(held.func).nonlocals
        if "limit" in given:
            yield f"at most {_number(given['limit'])} ({given['why']})"
    if isinstance(held, annotated_types.MinLen):
        yield f"{held.min_length} or more"
    if isinstance(held, annotated_types.MaxLen):
        yield f"{held.max_length} at most"
    if pattern := getattr(held, "pattern", None):
        yield f"like `{pattern}`"


def _number(value: float) -> str:
    return f"{value:,}"


def _within(kind: Any) -> Iterator[Any]:
    """Bounds that stand in a type: of the elements of a list, of one of several types."""
    if hasattr(kind, "__metadata__"):
        yield from kind.__metadata__
    for part in get_args(kind):
        if get_origin(kind) is not Literal:
            yield from _within(part)
