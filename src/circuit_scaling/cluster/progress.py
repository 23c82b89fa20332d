"""What a person sees while units are run: a table on a terminal, lines in a log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table

from circuit_scaling.cluster.units import Unit
from circuit_scaling.cluster.work import Done

_COLOURS = {"waiting": "dim", "running": "yellow", "done": "green", "failed": "red"}


class Progress:
    """Where every unit stands: waiting, running, done or failed.

    A unit that begins again, because its worker died or it failed, says which try it is.
    """

    def __init__(self, units: Sequence[Unit], console: Console) -> None:
        self._units, self._console = units, console
        self._state = dict.fromkeys((unit.name for unit in units), "waiting")
        self._tries = dict.fromkeys(self._state, 0)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the table up to date on a terminal; elsewhere it is printed at the end."""
        if not self._console.is_terminal:
            yield
            self._console.print(self.table())
            return
        with Live(console=self._console, get_renderable=self.table, refresh_per_second=2):
            yield

    def begins(self, name: str, host: str) -> None:
        """A unit begins on a machine."""
        if self._state[name] in ("done", "failed"):
            return  # told late: what begins and what has ended come by different ways
        self._tries[name] += 1
        again = f", try {self._tries[name]}" if self._tries[name] > 1 else ""
        self._state[name] = "running"
        self._say(f"{name}: running ({host}{again})")

    def ended(self, unit: Unit, result: Done | str) -> None:
        """A unit is done, or has failed for a reason."""
        if isinstance(result, Done):
            self._state[unit.name] = "done"
            self._say(f"{unit.name}: done in {result.seconds:.0f} s ({result.host})")
        else:
            self._state[unit.name] = "failed"
            self._say(f"{unit.name}: failed: {result}")

    def table(self) -> Table:
        """A row for every model, a column for every stage, and below what needs all models."""
        stages = [*dict.fromkeys(unit.stage for unit in self._units if unit.stage)]
        models = [*dict.fromkeys(unit.model for unit in self._units if unit.model)]
        named = {(unit.model, unit.stage): unit.name for unit in self._units}
        table = Table("model", *(stages or [""]))
        for model in models:
            cells = [self._cell(named.get((model, stage))) for stage in stages]
            table.add_row(model, *cells)
        table.add_section()
        for unit in self._units:
            if not unit.model:
                table.add_row(unit.name, self._cell(unit.name))
        return table

    def _cell(self, name: str | None) -> str:
        if name is None:
            return ""
        state, tries = self._state[name], self._tries[name]
        again = f" (try {tries})" if tries > 1 else ""
        return f"[{_COLOURS[state]}]{state}{again}[/]"

    def _say(self, line: str) -> None:
        if not self._console.is_terminal:
            self._console.print(line, soft_wrap=True, markup=False, highlight=False)
