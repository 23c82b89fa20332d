"""Which nodes would make something else than what is stored, and why, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kedro.pipeline import Node

from circuit_scaling.configuration import PARAMETER
from circuit_scaling.datasets.stamps import Stamp
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.marks import mark_of, other_mark
from circuit_scaling.resume.ledger import Ledger, code_of, is_parameter
from circuit_scaling.vocabulary import first_few

_SHOWN = 3


@dataclass(frozen=True)
class Difference:
    """How something stored was made otherwise than it would be now.

    Attributes:
        name: the stored dataset.
        what: the difference, as what follows the words *was made*.
    """

    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.name} was made {self.what}"


def why_make(node: Node, ledger: Ledger) -> str | None:
    """Why the stored results of a node have to be made, or made again; None where they are right.

    What the node reads must be right itself. Nothing is said of results that are handed on in
    memory: whoever reads them asks for them.
    """
    stored = [name for name in node.outputs if ledger.is_stored(name)]
    if fault := _fault(stored, ledger):
        return fault
    try:
        key, code = ledger.key(node), code_of(node)
    except CircuitScalingError as error:
        return error.message
    stamps = {name: stamp for name in stored if (stamp := ledger.stamp(name))}
    for name, stamp in stamps.items():
        if stamp.key != key:
            return str(Difference(name, _difference(node, name, stamp, ledger)))
        if stamp.code != code:
            return f"{name} was made by another version of the project"
    return None


def outdated_result(node: Node, ledger: Ledger) -> Difference | None:
    """Why what is stored must not be read beside the present configuration; None where it may.

    Unlike :func:`why_make` this lets pass what does not say what it was made from, what lacks
    something that it was made from, such as a checkpoint, and what older code made: it is not
    wrong for that.
    """
    try:
        key = ledger.key(node)
    except CircuitScalingError:
        return None
    if key is None:
        return None
    for name in node.outputs:
        stamp = ledger.stamp(name) if ledger.is_stored(name) else None
        if stamp is not None and stamp.node == node.name and stamp.key != key:
            return Difference(name, _difference(node, name, stamp, ledger))
    return None


def outdated_before(names: Iterable[str], ledger: Ledger) -> dict[Node, Difference | None]:
    """The nodes that have to run before these stored datasets may be read, and why.

    Only the first nodes have a reason; those after them read what is made again.
    """
    found: dict[Node, Difference | None] = {}
    seen: set[str] = set()

    def visit(name: str) -> bool:
        """Whether the dataset is made again."""
        node = None if is_parameter(name) else ledger.maker(name)
        if node is None:
            return False
        if node.name in seen:
            return node in found
        seen.add(node.name)
        again = [visit(read) for read in node.inputs]
        if any(again):
            found[node] = None
        elif ledger.is_stored(name) and (reason := outdated_result(node, ledger)):
            found[node] = reason
        return node in found

    for name in names:
        visit(name)
    return found


def _fault(stored: list[str], ledger: Ledger) -> str | None:
    """What is wrong with stored datasets by themselves."""
    if absent := [name for name in stored if not ledger.exists(name)]:
        return f"there is no {_listed(absent)}"
    if damaged := [name for name in stored if not ledger.is_whole(name)]:
        return f"{_listed(damaged)} is damaged"
    if unsaid := [name for name in stored if ledger.stamp(name) is None]:
        return f"{_listed(unsaid)} does not say what it was made from"
    return None


def _difference(node: Node, name: str, stamp: Stamp, ledger: Ledger) -> str:
    """What differs between the stamp of a result and what it would be made from now."""
    present = dict(ledger.contents(node))
    if lost := [read for read in stamp.inputs if read not in present]:
        return f"with {_models(lost)}, which is not asked for now"
    if more := [read for read in present if read not in stamp.inputs]:
        return f"without {_models(more)}"
    changed = [read for read, (_, mark) in stamp.inputs.items() if mark != present[read]]
    if told := list(_parameters(node, name, ledger)):
        return f"with {_listed(told)}"
    if changed:
        return f"from another {_listed(changed)}"
    if mark_of(node.func) is not None:
        return other_mark(node.func)
    return "with other parameters"


def _parameters(node: Node, name: str, ledger: Ledger) -> Iterator[str]:
    """The parameters that a table says it was made with, and that are others now."""
    was = ledger.made_with(name)
    for block, value in ledger.parameters(node).items():
        for parameter, now in _dotted(block.removeprefix(PARAMETER), value):
            if parameter in was and was[parameter] != now:
                yield f"{parameter} = {was[parameter]} (now {now})"


def _dotted(block: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((f"{block}.{name}", part) for name, part in value.items())
    else:
        yield block, value


def _models(names: list[str]) -> str:
    """The models whose tables these are; of other tables their own names."""
    return _listed([*dict.fromkeys(name.partition("__")[2] or name for name in names)])


def _listed(names: list[str]) -> str:
    return first_few(names, _SHOWN)
