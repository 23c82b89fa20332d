"""What nodes say of themselves: that they measure, and what their results depend on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])
Mark = Callable[..., str]
_MARK, _OTHER = "mark", "other"

MEASURES = "measures"
"""Tag of nodes whose tables carry a fingerprint of their own, which is checked by who reads them:
it knows what a measurement does not depend on, so that nothing is measured again without need."""
KEEPS_LAYERS = "keeps_layers"
"""Tag of nodes that keep finished layers (``scan.keep_in``) until their tables are stored."""
PARTS_MAY_BE_MISSING = "parts_may_be_missing"
"""Tag of nodes that make do with what is there."""


def marked_by(
    mark: Mark, other: str = "from another checkpoint, with other parameters or another engine"
) -> Callable[[_Function], _Function]:
    """Let ``mark`` say what the result of a node's function depends on, from the same arguments.

    A measurement of one model reads tables of all models, and of some settings only a part. Its
    mark is the fingerprint that its rows carry: where that is the stored one, nothing is measured
    again. The result of a function without a mark depends on all that it is given.

    Args:
        other: how a result with another mark was made, in words that follow *was made*.
    """

    def decorate(function: _Function) -> _Function:
        setattr(function, _MARK, mark)
        setattr(function, _OTHER, other)
        return function

    return decorate


def mark_of(function: Callable[..., Any]) -> Mark | None:
    """The mark of a node's function, if it has one."""
    mark: Mark | None = getattr(function, _MARK, None)
    return mark


def other_mark(function: Callable[..., Any]) -> str:
    """How a result with another mark than the function's was made."""
    return str(getattr(function, _OTHER))
