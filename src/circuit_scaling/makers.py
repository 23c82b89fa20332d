"""Which pipelines make a table, read from the pipelines themselves."""

from __future__ import annotations

from kedro.framework.project import pipelines
from kedro.pipeline import Node

WHOLE = ("__default__", "overview")
"""Pipelines that are made of the others."""


def makers_of(table: str) -> list[str]:
    """The pipelines that write ``table``, in the order in which they are registered."""
    return [
        name
        for name, pipeline in pipelines.items()
        if name not in WHOLE and table in pipeline.all_outputs()
    ]


def pipeline_of(node: Node) -> str | None:
    """The pipeline that a node belongs to, by the names of nodes."""
    return next(
        (
            name
            for name, pipeline in pipelines.items()
            if name not in WHOLE and any(node.name == other.name for other in pipeline.nodes)
        ),
        None,
    )


def what_to_run() -> dict[str, list[str]]:
    """Every table -> the pipelines that make it, in the order in which they run.

    A stage that lies in the box of another lays out what that one has made, so that both are named:
    of a table of ``join``, whose nodes are in ``scan.join``, these are ``scan`` and ``join``. Where
    several pipelines write a table, it is the first.
    """
    found: dict[str, list[str]] = {}
    for name, pipeline in pipelines.items():
        if name in WHOLE:
            continue
        for node in pipeline.nodes:
            boxes = [box for box in (node.namespace or "").split(".") if box in pipelines]
            for table in node.outputs:
                found.setdefault(table, boxes)
    return found
