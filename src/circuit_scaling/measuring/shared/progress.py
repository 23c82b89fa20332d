"""What a person sees while a model is measured."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

_log = logging.getLogger(__name__)
_LINE_SECONDS = 30


class Progress(Protocol):
    """To be told what is being measured and how many heads are done (one ablation, all prompts)."""

    def __call__(self, what: str, heads: float, /, spared: bool = False) -> None:
        """Tell it; ``spared``: a run that was stopped did them, or they need not be done."""


def no_progress(_what: str, _heads: float, /, spared: bool = False) -> None:
    """Say nothing."""


@contextmanager
def scan_progress(slug: str, total: int, what: str) -> Iterator[Progress]:
    """How much is done, per second and time left: a bar on a terminal, lines in a log.

    Under continuous integration (``CI`` is set) there is one line at the end and nothing else.

    Args:
        total: how many are to be done, over all tasks and ablations.
        what: what they are, such as ``heads``.
    """
    started = time.perf_counter()
    done, before, lines = 0.0, 0.0, 0
    on_terminal = Console().is_terminal and not os.environ.get("CI")
    bar = ProgressBar(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn(
            "{task.completed:.0f}/{task.total:.0f} {task.fields[what]}, {task.fields[rate]:.1f}/s"
        ),
        TimeRemainingColumn(),
        transient=True,
        disable=not on_terminal,
    )
    with bar:
        row = bar.add_task(slug, total=total, rate=0.0, what=what)

        def advance(task: str, ablated: float, /, spared: bool = False) -> None:
            nonlocal done, before, lines
            done += ablated
            if spared:
                before += ablated
                bar.reset(row, completed=int(done), description=f"{slug}: {task}", rate=0.0)
                return
            seconds = time.perf_counter() - started
            rate = (done - before) / seconds
            bar.update(row, completed=done, description=f"{slug}: {task}", rate=rate)
            if on_terminal or os.environ.get("CI") or seconds < (lines + 1) * _LINE_SECONDS:
                return
            lines = int(seconds / _LINE_SECONDS)
            left = (total - done) / rate
            _log.info(
                "%s: %s, %.0f of %d %s, %.1f/s, about %.0f s left",
                *(slug, task, done, total, what, rate, left),
            )

        yield advance
    seconds = time.perf_counter() - started
    done -= before
    _log.info("%s: %.0f %s in %.1f s, %.1f/s", *(slug, done, what, seconds, done / seconds))
