"""What is wrong in a YAML file, with its line, before it is read for what it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from circuit_scaling.errors import CircuitScalingError, reason_of

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster, where it is built in
_TYPES = {*yaml.SafeLoader.yaml_constructors, "tag:yaml.org,2002:merge", "tag:yaml.org,2002:value"}
_MOST_NODES = 200_000
"""Aliases count as often as they are used. All shipped files together have less than 5,000, and
OmegaConf needs about a second for 20,000."""


def refuse_faulty(files: Iterable[Path]) -> None:
    """Nothing where every file is YAML that holds a mapping, or nothing.

    Raises:
        CircuitScalingError: names each file that is not, with the line and the fault.
    """
    found = [f"{file}{fault}" for file in files for fault in _faults(file)]
    if found:
        raise CircuitScalingError("\n".join(found))


def _faults(file: Path) -> list[str]:
    """Each fault as ``, line N: what``."""
    try:
        text = file.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=_Loader)
        return _faults_of(root) if root is not None else []
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return [f", line {line}: this is not UTF-8 text. Save the file in UTF-8."]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark is None:
            return [f": this is no YAML: {reason_of(error)}"]
        lines = [*text.split("\n"), ""]  # a fault may be that the file ends
        return [f", line {mark.line + 1}: {_in_words(error, lines[mark.line])}"]
    except (yaml.YAMLError, OSError) as error:
        return [f": this cannot be read: {reason_of(error)}"]
    except RecursionError:
        return [": blocks lie too deep inside one another. Write it in fewer levels."]


def _faults_of(root: yaml.Node) -> list[str]:
    """The faults of what the file holds."""
    if not isinstance(root, yaml.MappingNode):
        return [f", line {_line(root)}: the file must hold 'name: value' lines, and no list."]
    try:
        size = _expanded(root, {}, set())
    except _HoldsItself:
        return [": an alias (*name) stands inside what it names. Write it out."]
    if size > _MOST_NODES:
        return [f": its aliases (*name) stand for {size:,} values; at most {_MOST_NODES:,} can be."]
    nodes = list(_every_node(root))
    return [
        *(f", line {_line(node)}: {why}" for node in nodes if (why := _tagged(node))),
        *(f", line {line}: '{key}' is there twice. Keep one." for line, key in _twice(nodes)),
    ]


class _HoldsItself(Exception):
    """An alias inside its own anchor."""


def _in_words(error: yaml.MarkedYAMLError, line: str) -> str:
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "the line is indented with a tab. Indent it with spaces."
    context = f"{error.context}, " if error.context else ""
    return f"this is no YAML: {context}{error.problem}."


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from (key, value)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _expanded(node: yaml.Node, known: dict[int, int], above: set[int]) -> int:
    """How many values a node stands for, if each alias is written out."""
    if id(node) in above:
        raise _HoldsItself
    if id(node) not in known:
        inside = above | {id(node)}
        known[id(node)] = 1 + sum(_expanded(child, known, inside) for child in _children(node))
    return known[id(node)]


def _every_node(root: yaml.Node) -> Iterator[yaml.Node]:
    """Each node once, however often aliases stand for it."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            waiting += _children(node)
            yield node


def _tagged(node: yaml.Node) -> str:
    """What is wrong with the type that a value is said to have; nothing where nothing is."""
    if node.tag in _TYPES:
        return ""
    return f"'{node.tag}' is no type of a setting. Remove it."


def _twice(nodes: Iterable[yaml.Node]) -> Iterator[tuple[int, str]]:
    """Line and name of every key that a mapping has before already."""
    for node in nodes:
        keys: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode):
                if key.value in keys and key.value != "<<":
                    yield _line(key), key.value
                keys.add(key.value)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
