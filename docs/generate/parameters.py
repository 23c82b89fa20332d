"""The configuration: every global and every parameter, from their classes and from ``conf``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml
from kedro.validation.type_extractor import TypeExtractor
from pydantic import BaseModel

from circuit_scaling.models.roster import RosterEntry
from docs.generate.catalogue import PROJECT, every_pipeline
from docs.generate.markdown import cell, page, table
from docs.generate.settings import Setting, entry_class, settings_of

_FIRST = """\
What can be set, and where. Each block is in `conf/base/parameters_<pipeline>.yml`; an
environment overrides values in a file of its own,
`conf/<environment>/parameters_<anything>.yml`, and `--params scan.draws=2,classify.tau=0.1` for
one run. Sizes that differ between environments are in `globals.yml`, which an environment gives
whole. A name that is not on this page, a value of another type or beyond its bounds stops a run
before it begins, with a line that says so; a change makes those tables stale that depend on it,
and no others ([resume](../how_to/resume.md)).

*Default* is the value in `conf/base`; `globals: x` means that of the global `x`. A setting *of
no result* changes no number, so that nothing is made again for it."""

_GLOBAL = re.compile(r"(?P<name>\w+):[^#]*#\s*(?P<meaning>.+)")
_OPTIONAL = re.compile(r"#\s*(?P<name>\w+) \(optional\): (?P<meaning>.+)")
_ASKS = re.compile(r"\$\{globals:\s*([\w.]+)\s*(?:,\s*([^}]*))?\}")
_ENTRIES = {  # blocks whose names are the user's own -> what stands in their place
    "tasks": "<task>",
    "models": "<slug>",
}
_ORDER = (
    *("prompts", "scan", "tasks", "models", "join", "classify", "scaling", "transfer", "causal"),
    *("ablation", "retrieval", "masking", "comparison", "import", "zoo", "zoo_readers"),
)


def parameters_page() -> str:
    """The page of the configuration, as Markdown."""
    parts = ["## Globals", "`conf/base/globals.yml`.", _globals()]
    for name, kind in blocks().items():
        place = f"{name}.{_ENTRIES[name]}" if name in _ENTRIES else name
        parts += [
            f"## `{place}`",
            f"{_first_sentence(kind)} {_file_of(name)}",
            *_block(place, kind),
        ]
    return page("Parameters", _FIRST, *parts)


def blocks() -> dict[str, type[BaseModel]]:
    """Every block of parameters that a node takes, and its class; those of no known order last."""
    kinds = TypeExtractor(every_pipeline()).extract_types_from_pipelines()
    found: dict[str, type[BaseModel]] = {"models": RosterEntry}  # nodes take single entries
    for name, taken in kinds.items():
        kind = entry_class(taken)
        if kind is not None and kind is not RosterEntry and "." not in name:
            found[name] = kind
    order = [*(name for name in _ORDER if name in found), *sorted(found.keys() - set(_ORDER))]
    return {name: found[name] for name in order}


def global_meanings() -> dict[str, str]:
    """Every global -> what ``conf/base/globals.yml`` says of it."""
    text = (PROJECT / "conf" / "base" / "globals.yml").read_text(encoding="utf-8")
    found = (_OPTIONAL.match(line) or _GLOBAL.match(line) for line in text.splitlines())
    return {line["name"]: line["meaning"] for line in found if line}


def _globals() -> str:
    base, others = _given("base", "globals"), _environments()
    rows = []
    for name, meaning in global_meanings().items():
        default = base.get(name)
        differ = [
            f"`{env}`: `{_shown(values[name])}`"
            for env in others
            if name in (values := _given(env, "globals")) and values[name] != default
        ]
        told = f"`{_shown(default)}`" if name in base else ""
        rows.append((f"`{name}`", cell(meaning), cell(told), cell("; ".join(differ))))
    return table(("name", "what it is", "default", "elsewhere"), rows)


def _block(name: str, kind: type[BaseModel]) -> Iterator[str]:
    rows: list[tuple[str, ...]] = []
    inner: dict[type[BaseModel], list[str]] = {}
    for setting in settings_of(kind):
        rows.append(_row(name, setting))
        if setting.block:
            several = not isinstance(kind.model_fields[setting.name].annotation, type)
            place = f"{name}.{setting.name}{'.…' if several else ''}"
            inner.setdefault(setting.block, []).append(place)
    head = ("name", "what it is", "type", "default", "bounds", "elsewhere", "")
    yield table(head, rows)
    for block, places in inner.items():
        yield "### " + ", ".join(f"`{place}`" for place in places)
        yield _first_sentence(block)
        yield from _block(places[0], block)


def _row(block: str, setting: Setting) -> tuple[str, ...]:
    place = f"{block}.{setting.name}"
    elsewhere = [
        f"`{env}`: `{_shown(value)}`"
        for env in _environments()
        if (value := _at(_given(env, "parameters"), place)) is not None
    ]
    return (
        f"`{setting.name}`",
        cell(setting.meaning).removesuffix("."),
        cell(setting.holds),
        cell(_default(place)),
        cell(setting.bounds),
        cell("; ".join(elsewhere)),
        "" if setting.in_results else "of no result",
    )


def _default(place: str) -> str:
    value = _at(_given("base", "parameters"), place)
    if isinstance(value, str) and (asked := _ASKS.fullmatch(value)):
        return f"globals: `{asked[1]}`"
    if value is None or isinstance(value, Mapping):
        return "`null`" if _is_null(place) else ""
    return f"`{_shown(value)}`"


def _is_null(place: str) -> bool:
    """Whether a value is given in ``conf/base``, as null."""
    above, _, name = place.rpartition(".")
    held = _at(_given("base", "parameters"), above)
    return isinstance(held, Mapping) and name in held and held[name] is None


def _file_of(block: str) -> str:
    """The file of ``conf/base`` that has a block, as a sentence."""
    for file in sorted((PROJECT / "conf" / "base").glob("parameters*.yml")):
        if block in (yaml.safe_load(file.read_text(encoding="utf-8")) or {}):
            return f"`conf/base/{file.name}`."
    return ""


def _first_sentence(kind: type[BaseModel]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0].replace("``", "`")


def _environments() -> list[str]:
    """The environments beside base, without what belongs to one checkout or to the tests."""
    folders = (PROJECT / "conf").glob("*/globals.yml")
    return sorted(f.parent.name for f in folders if f.parent.name not in ("base", "local", "test"))


@cache
def _given(environment: str, kind: str) -> Mapping[str, Any]:
    """What the files of one environment say, as it is written there."""
    found: dict[str, Any] = {}
    for file in sorted((PROJECT / "conf" / environment).glob(f"{kind}*.yml")):
        found |= yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    return found


def _at(values: Any, place: str) -> Any:
    """The value of a dotted name; None where there is none."""
    for part in place.split("."):
        if not isinstance(values, Mapping) or part not in values:
            return None
        values = values[part]
    return values


def _shown(value: Any) -> str:
    """A value as it is written in YAML, on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000).strip()
    return text.removesuffix("...").strip()
