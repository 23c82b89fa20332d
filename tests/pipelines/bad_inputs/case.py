"""What a user does wrong, and the words that it is answered with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """One bad input.

    Attributes:
        name: of the test.
        words: each must be in what is printed.
        params: for ``--params``; ``TMP`` stands for the folder of the test.
        edits: file of ``conf`` -> (a text in it, what stands there instead); of a text that is
            empty, what is appended.
        prepare: makes what the input needs in the folder of the test.
        pipelines: what is run; by default the scan.
        options: further options of ``kedro run``.
    """

    name: str
    words: tuple[str, ...]
    params: tuple[str, ...] = ()
    edits: tuple[tuple[str, str, str], ...] = ()
    prepare: Callable[[Path], object] | None = None
    pipelines: str = "scan"
    options: tuple[str, ...] = ()
