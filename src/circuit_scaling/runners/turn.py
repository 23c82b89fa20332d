"""A node's turn: it runs while no other run makes the same, and not if another one has made it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from kedro.pipeline import Node
from kedro.runner import Task

from circuit_scaling.locks import node_lock
from circuit_scaling.resume.judge import why_make
from circuit_scaling.resume.ledger import Ledger

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Turn:
    """What runs a node, here or in another process.

    Attributes:
        data_root: where other runs may be at work; None: it runs whatever others do, and waits for
            them when its results are stored.
    """

    task: Task
    data_root: Path | None

    def __call__(self) -> Node:
        """Run the node, as soon as no other run does."""
        node: Node = self.task.node
        if self.data_root is None or not self._stores():
            return self.task.execute()
        with node_lock(self.data_root, node.name) as waited:
            if waited and self._is_made():
                _log.info("%s: another run has made it.", node.name)
                return node
            return self.task.execute()

    def elsewhere(self) -> Turn:
        """The turn as it can be sent to another process, where hooks are made anew."""
        task = self.task
        there = Task(task.node, task.catalog, task.is_async, None, task.run_id, parallel=True)
        return replace(self, task=there)

    def _stores(self) -> bool:
        ledger = Ledger(self.task.catalog)
        return any(map(ledger.is_stored, self.task.node.outputs))

    def _is_made(self) -> bool:
        ledger = Ledger(self.task.catalog)
        ledger.forget([*self.task.node.inputs, *self.task.node.outputs])
        return why_make(self.task.node, ledger) is None
