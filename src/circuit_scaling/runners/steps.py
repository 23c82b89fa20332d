"""Which nodes of a run are to be run, which wait for others and which are not needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum, auto

from kedro.pipeline import Node, Pipeline


class State(Enum):
    """What has become of a node."""

    WAITING = auto()
    NEEDED = auto()
    RUNNING = auto()
    DONE = auto()
    UP_TO_DATE = auto()
    FAILED = auto()
    NOT_BEGUN = auto()
    """Something that it reads could not be made."""


_SETTLED = frozenset({State.DONE, State.UP_TO_DATE})


class Steps:
    """The nodes of a run on their way.

    A node is judged when everything stored that it is made from is right, also what reaches it
    through nodes that hand on in memory. Those are run where somebody needs what they hand on.

    Args:
        is_stored: whether a dataset outlives the run.
        why_make: why a node has to run, or None; it is asked once for each node.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        is_stored: Callable[[str], bool],
        why_make: Callable[[Node], str | None],
    ) -> None:
        self.nodes = pipeline.nodes
        self.reasons: dict[Node, str] = {}
        self.failures: dict[Node, BaseException] = {}
        self._why_make = why_make
        self._parents = pipeline.node_dependencies
        self._state = dict.fromkeys(self.nodes, State.WAITING)
        self._stores = {node: any(map(is_stored, node.outputs)) for node in self.nodes}
        read = {name for node in self.nodes for name in node.inputs}
        self._hands_on = {
            node: {name for name in node.outputs if name in read and not is_stored(name)}
            for node in self.nodes
        }
        self._before = {node: self._stored_before(node) for node in self.nodes}

    def of(self, *states: State) -> list[Node]:
        """The nodes in one of these states, in the order of the pipeline."""
        return [node for node in self.nodes if self._state[node] in states]

    def ready(self) -> list[Node]:
        """The nodes that can run now; whatever can be judged is judged first."""
        self._judge()
        return [
            node
            for node in self.of(State.NEEDED)
            if all(self._state[parent] in _SETTLED for parent in self._parents[node])
        ]

    def begin(self, node: Node) -> None:
        """The node is being run."""
        self._state[node] = State.RUNNING

    def done(self, node: Node) -> None:
        """The node has run, and its results are stored."""
        self._state[node] = State.DONE

    def not_needed(self, node: Node) -> None:
        """Somebody else has made the results of the node meanwhile."""
        self._state[node] = State.UP_TO_DATE

    def failed(self, node: Node, error: BaseException) -> None:
        """The node has failed: whatever reads its results is not begun."""
        self._state[node] = State.FAILED
        self.failures[node] = error
        lost = {node}
        for other in self.nodes:  # parents come first
            if self._state[other] in (State.WAITING, State.NEEDED) and self._parents[other] & lost:
                self._state[other] = State.NOT_BEGUN
                lost.add(other)

    def spent(self, node: Node) -> list[str]:
        """What was handed on to a node that is done, and is needed by nobody else any more."""
        handed = {name for parent in self._parents[node] for name in self._hands_on[parent]}
        open_states = (State.WAITING, State.NEEDED, State.RUNNING)
        waited_for = {name for other in self.of(*open_states) for name in other.inputs}
        return sorted(handed & set(node.inputs) - waited_for)

    def _judge(self) -> None:
        for node in self.nodes:
            if (
                self._state[node] is State.WAITING
                and self._stores[node]
                and all(self._state[other] in _SETTLED for other in self._before[node])
            ):
                reason = self._why_make(node)
                if reason is None:
                    self._state[node] = State.UP_TO_DATE
                else:
                    self._need(node, reason)

    def _need(self, node: Node, reason: str) -> None:
        self._state[node] = State.NEEDED
        self.reasons[node] = reason
        for parent in self._parents[node]:
            handed = self._hands_on[parent] & set(node.inputs)
            if handed and self._state[parent] in (State.WAITING, State.UP_TO_DATE):
                self._need(parent, f"needed by {node.name}")

    def _stored_before(self, node: Node) -> set[Node]:
        """The nearest nodes whose stored results the node is made from."""
        found: set[Node] = set()
        waiting: list[Iterable[str]] = [node.inputs]
        makers = {name: maker for maker in self._ancestors(node) for name in maker.outputs}
        while waiting:
            for name in waiting.pop():
                maker = makers.get(name)
                if maker is None:
                    continue
                if name in self._hands_on[maker]:
                    waiting.append(maker.inputs)
                else:
                    found.add(maker)
        return found

    def _ancestors(self, node: Node) -> set[Node]:
        """The nodes before it that are reached through memory alone, and the first stored ones."""
        found: set[Node] = set()
        waiting = [node]
        while waiting:
            for parent in self._parents[waiting.pop()] - found:
                found.add(parent)
                if self._hands_on[parent]:
                    waiting.append(parent)
        return found
