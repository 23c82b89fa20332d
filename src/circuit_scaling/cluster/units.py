"""What is run apart: every model's stage, and between these what needs all models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from graphlib import TopologicalSorter

from kedro.pipeline import Node, Pipeline

from circuit_scaling.marks import MEASURES

_Parents = Mapping[str, set[str]]


@dataclass(frozen=True)
class Unit:
    """What one process runs.

    Attributes:
        name: the namespace of a model's stage, such as ``scan.gpt2``; of a part that needs all
            models, the stages that are in it.
        stage, model: the two halves of that namespace; empty for a part that needs all models.
        nodes: the names of the nodes of such a part. A model's stage is run by its namespace.
        after: the names of the units that make what it reads.
    """

    name: str
    stage: str
    model: str
    nodes: tuple[str, ...]
    after: frozenset[str]

    @property
    def options(self) -> tuple[str, str]:
        """What narrows ``kedro run`` to the unit."""
        if self.model:
            return "--namespaces", self.name
        return "--nodes", ",".join(self.nodes)


def units_of(pipeline: Pipeline, is_stored: Callable[[str], bool]) -> list[Unit]:
    """The units of a pipeline, those first that others wait for.

    A model's stage is a namespace in which something is measured, if all that passes between it and
    others is stored. Of all other nodes, those are one part that wait for the same models' stages
    and that the same ones wait for. So nothing waits longer than it has to, and no part waits for
    itself. Whatever makes only what is handed on in memory is run by each process that reads it.

    Args:
        is_stored: whether a dataset outlives the process that makes it.
    """
    makers = {name: node for node in pipeline.nodes for name in node.outputs}
    stages = _stages(pipeline, makers, is_stored)
    processes = {name: list(nodes) for name, nodes in stages.items()}
    for node in pipeline.nodes:
        if node.namespace not in stages and any(map(is_stored, node.outputs)):
            processes[node.name] = _with_what_it_is_handed(node, makers, is_stored)
    homes = {node.name: node.namespace for nodes in stages.values() for node in nodes}
    parents = {
        name: {
            homes.get(makers[read].name) or makers[read].name
            for node in nodes
            for read in node.inputs
            if read in makers and is_stored(read)
        }
        - {name}
        for name, nodes in processes.items()
    }
    waiting = {name: sorted(before) for name, before in parents.items()}
    order = [*TopologicalSorter(waiting).static_order()]
    unit_of = _parts(order, parents, stages.keys(), pipeline)
    members: dict[str, list[str]] = {}
    for process in order:
        members.setdefault(unit_of[process], []).append(process)
    units = {}
    for name, within in members.items():
        stage, _, model = name.rpartition(".") if name in stages else ("", "", "")
        run = {node.name for process in within for node in processes[process]}
        nodes = () if model else tuple(node.name for node in pipeline.nodes if node.name in run)
        before = {unit_of[parent] for process in within for parent in parents[process]}
        units[name] = Unit(name, stage, model, nodes, frozenset(before - {name}))
    return [
        units[name]
        for name in TopologicalSorter(
            {unit.name: unit.after for unit in units.values()}
        ).static_order()
    ]


def _stages(
    pipeline: Pipeline, makers: Mapping[str, Node], is_stored: Callable[[str], bool]
) -> dict[str, Sequence[Node]]:
    """The models' stages that can be processes of their own, with their nodes."""
    found: dict[str, list[Node]] = {}
    for node in pipeline.nodes:
        if node.namespace and "." in node.namespace:
            found.setdefault(node.namespace, []).append(node)

    def stands_alone(nodes: Sequence[Node]) -> bool:
        measured = [name for node in nodes if MEASURES in node.tags for name in node.outputs]
        given = [
            name
            for node in nodes
            for name in node.inputs
            if name in makers and makers[name] not in nodes
        ]
        return bool(measured) and all(map(is_stored, [*measured, *given]))

    return {name: nodes for name, nodes in found.items() if stands_alone(nodes)}


def _with_what_it_is_handed(
    node: Node, makers: Mapping[str, Node], is_stored: Callable[[str], bool]
) -> list[Node]:
    """The node, and those before it from which something reaches it in memory alone."""
    found = [node]
    for one in found:  # grows while it is read
        handed = [makers[name] for name in one.inputs if name in makers and not is_stored(name)]
        found += [maker for maker in dict.fromkeys(handed) if maker not in found]
    return found


def _parts(
    order: Sequence[str], parents: _Parents, stages: Iterable[str], pipeline: Pipeline
) -> dict[str, str]:
    """Each process -> the unit that it is in: a model's stage, or a part of the others."""
    apart = frozenset(stages)
    children: dict[str, set[str]] = {name: set() for name in order}
    for name in order:
        for parent in parents[name]:
            children[parent].add(name)
    before = _reached(order, parents, apart)
    behind = _reached([*reversed(order)], children, apart)
    parts: dict[tuple[frozenset[str], frozenset[str]], list[str]] = {}
    namespaces = {node.name: node.namespace or node.name for node in pipeline.nodes}
    for name in namespaces:
        if name in before:
            parts.setdefault((before[name], behind[name]), []).append(name)
    names = {name: name for name in apart}
    used: Counter[str] = Counter()
    for key in sorted(parts, key=lambda key: (len(key[0]), -len(key[1]))):
        members = parts[key]
        name = ", ".join(dict.fromkeys(namespaces[member] for member in members))
        used[name] += 1
        numbered = f"{name} ({used[name]})" if used[name] > 1 else name
        names |= dict.fromkeys(members, numbered)
    return names


def _reached(
    order: Sequence[str], neighbours: _Parents, apart: frozenset[str]
) -> dict[str, frozenset[str]]:
    """Each name -> the models' stages that are reached from it; neighbours come first in order."""
    found: dict[str, frozenset[str]] = {}
    for name in order:
        reached = [found[other] | (apart & {other}) for other in neighbours[name]]
        found[name] = reduce(frozenset.union, reached, frozenset())
    return found
