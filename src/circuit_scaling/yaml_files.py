"""What is wrong in a YAML file, with its line, before it is read for what it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from circuit_scaling.errors import CircuitScalingError, reason_of

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster, where it is built in
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
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=_Loader)
        return _faults_of(root) if root is not None else []
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return [f", line {line}: this is not UTF-8 text. Save the file in UTF-8."]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        return [f"{where}: {_in_words(error)}"]
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
    return [f", line {line}: '{key}' is there twice. Keep one." for line, key in _twice(root)]


class _HoldsItself(Exception):
    """An alias inside its own anchor."""


def _in_words(error: yaml.MarkedYAMLError) -> str:
    problem = str(error.problem)
    if "\\t" in problem or "'\t'" in problem or "tab" in problem:
        return "a tab begins something here. Indent with spaces."
    context = f"{error.context}, " if error.context else ""
    return f"this is no YAML: {context}{problem}."


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


def _twice(root: yaml.Node) -> Iterator[tuple[int, str]]:
    """Line and name of every key that a mapping has before already."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        waiting += _children(node)
        keys: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode):
                if key.value in keys and key.value != "<<":
                    yield _line(key), key.value
                keys.add(key.value)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
