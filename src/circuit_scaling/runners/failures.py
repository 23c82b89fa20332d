"""What failed in a run that went on, why, and the command that tries just that again."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from kedro.pipeline import Node

from circuit_scaling.commands import run_command
from circuit_scaling.errors import CircuitScalingError, reason_of

_KILLED = "its process was killed, perhaps because memory ran out"


@dataclass(frozen=True)
class Failure:
    """A node that failed.

    Attributes:
        namespace: of the node, such as ``scan.gpt2``.
        model: whose node it is; empty for one that needs all models.
    """

    name: str
    namespace: str
    model: str
    reason: str

    @classmethod
    def of(cls, node: Node, error: BaseException) -> Failure:
        """The failure of a node, with its reason as one line."""
        namespace = node.namespace or ""
        told = error.message if isinstance(error, CircuitScalingError) else reason_of(error)
        if isinstance(error, BrokenProcessPool):
            told = _KILLED
        elif not isinstance(error, CircuitScalingError):
            told = f"{type(error).__name__}: {told}"
        model = namespace.rpartition(".")[2] if "." in namespace else ""
        return cls(node.name, namespace, "" if model == "join" else model, told)


def failures_in_words(failed: Sequence[Failure], made: int, not_begun: int) -> str:
    """A table of failures, and what to do.

    Args:
        made: how many steps were done in spite of them.
        not_begun: how many need what was not made.
    """
    width = max(len(failure.name) for failure in failed)
    lines = [f"{failure.name:<{width}}  {failure.reason}" for failure in failed]
    several = "steps" if len(failed) > 1 else "step"
    told = [
        f"{len(failed)} {several} failed, {made} were done, {not_begun} need what is missing:",
        *(f"  {line}" for line in lines),
    ]
    namespaces = dict.fromkeys(failure.namespace for failure in failed if failure.namespace)
    again = run_command(namespace=",".join(namespaces), options=["--resume", "--keep-going"])
    told.append(f"Try just that again: {again}")
    models = dict.fromkeys(failure.model for failure in failed if failure.model)
    if models:
        without = run_command(options=["--resume"], without=models)
        told.append(f"Or go on without what failed: {without}")
    return "\n".join(told)
