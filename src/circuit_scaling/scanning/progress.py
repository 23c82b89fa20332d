"""What a person sees while heads are being ablated."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from circuit_scaling.scanning.measurement import Progress as Callback

_log = logging.getLogger(__name__)


@contextmanager
def scan_progress(slug: str, total: int) -> Iterator[Callback]:
    """A bar with ablations per second on a terminal; elsewhere one line in the log at the end."""
    started = time.perf_counter()
    done = 0
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("ablations, {task.fields[rate]:.0f}/s"),
        TimeRemainingColumn(),
        transient=True,
        disable=not Console().is_terminal,
    )
    with bar:
        row = bar.add_task(slug, total=total, rate=0.0)

        def advance(what: str, ablations: int) -> None:
            nonlocal done
            done += ablations
            rate = done / (time.perf_counter() - started)
            bar.update(row, advance=ablations, description=f"{slug}: {what}", rate=rate)

        yield advance
    seconds = time.perf_counter() - started
    _log.info(
        "%s: %d ablations (head x prompt) in %.1f s, %.0f/s", slug, done, seconds, done / seconds
    )
