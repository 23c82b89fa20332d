"""A plan as people read it: a table for each roster, the totals, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from circuit_scaling.plan.plan import ModelPlan, Plan, total
from circuit_scaling.plan.speed import Seconds
from circuit_scaling.vocabulary import counted, first_few

_STAGE_WORDS = {"retrieval_detect": "detect", "retrieval_mask": "mask"}
_SHOWN = 4
_WITH_ROOM = 3  # stages beside the other columns, in a hundred characters
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_UNKNOWN = "–"
_UNITS = (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6))


def show(plan: Plan, command: str, console: Console) -> None:
    """Print all of it.

    Args:
        command: what runs what is left.
    """
    groups: dict[tuple[str, ...], list[ModelPlan]] = {}
    for model in plan.models:
        groups.setdefault(tuple(stage.stage for stage in model.stages), []).append(model)
    for stages, models in groups.items():
        console.print(_table(stages, models))
    if not plan.models:
        console.print("These pipelines work on tables alone: no model is opened.")
    for line in _totals(plan):
        console.print(line, markup=False, highlight=False)
    missing = plan.missing
    if not missing:
        done = plan.todo.n_up_to_date == plan.todo.n_steps
        said = "Nothing is left to do." if done else f"Nothing is missing. Run it: {command}"
        console.print(said, markup=False, highlight=False, soft_wrap=True)
        return
    console.print(f"\n[bold]{counted(len(missing), 'thing')} missing:[/]", highlight=False)
    for what, slugs in missing.items():
        console.print(f"- {_named(slugs)}{what}", markup=False, highlight=False, soft_wrap=True)


def time_in_words(seconds: float) -> str:
    """``45 s``, ``12 min``, ``3.4 h`` or ``5.2 d``."""
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.1f} h"
    days = seconds / _DAY
    return f"{days:,.1f} d" if days < 100 else f"{days:,.0f} d"


def size_in_words(size: float) -> str:
    """Bytes as ``3 MB``, ``1.2 GB`` or ``350 GB``."""
    return f"{_short(size)}B"


def _short(number: float) -> str:
    """``3 M``, ``1.2 G``, ``350 T``: a number to two digits or more."""
    unit, factor = next((u, f) for u, f in _UNITS if number >= f or f == _UNITS[-1][1])
    value = number / factor
    return f"{value:,.0f} {unit}" if value >= 100 or factor == 1e6 else f"{value:.1f} {unit}"


def _table(stages: Sequence[str], models: Sequence[ModelPlan]) -> Table:
    room = 1 if len(stages) <= _WITH_ROOM else 0
    table = Table(box=box.SIMPLE_HEAD, show_footer=True, padding=(0, room, 0, 0))
    left = [model for model in models if model.left]
    table.add_column("model", f"{len(models)} models" if len(models) > 1 else "", no_wrap=True)
    sums = (
        ("heads", f"{sum(m.entry.n_layers * m.entry.n_heads for m in models):,}"),
        ("layers", ""),
        ("params", ""),
        ("memory", _short(max(m.memory for m in left)) if left else ""),
        ("download", _download(models)),
        ("FLOP", _short(sum(m.operations for m in models)) if left else ""),
        ("disk", _short(sum(m.disk for m in models)) if left else ""),
    )
    for name, footer in sums:
        table.add_column(name, footer, justify="right", no_wrap=True)
    for place, stage in enumerate(stages):
        of_stage = [m.stages[place].seconds for m in left if m.stages[place].why]
        footer = _time(total(iter(of_stage))) if of_stage else "done"
        table.add_column(_STAGE_WORDS.get(stage, stage), footer, justify="right", no_wrap=True)
    for model in models:
        table.add_row(*_row(model))
    return table


def _row(model: ModelPlan) -> Iterator[str]:
    entry, left = model.entry, model.left
    guessed = "" if model.shape.read or not left else "~"
    colour = "red" if model.missing else "default"
    yield f"[{colour}]{escape(entry.slug)}[/]"
    yield f"{entry.n_layers * entry.n_heads:,}"
    yield str(entry.n_layers)
    yield f"{entry.params_m:.2g} M" if entry.params_m < 10 else _short(entry.params_m * 1e6)
    yield _short(model.memory) if left else ""
    yield _download([model])
    yield f"{guessed}{_short(model.operations)}" if left else ""
    yield _short(model.disk) if left else ""
    for stage in model.stages:
        yield "[green]done[/]" if not stage.why else _time(stage.seconds)


def _time(seconds: Seconds | None) -> str:
    return _UNKNOWN if seconds is None else time_in_words(seconds.expected)


def _download(models: Sequence[ModelPlan]) -> str:
    sizes = [
        m.shape.weights(m.entry.dtype) if m.download is None else m.download
        for m in models
        if m.left
    ]
    guessed = "~" if any(m.download is None and m.left for m in models) else ""
    return f"{guessed}{_short(sum(sizes))}" if any(sizes) else ""


def _totals(plan: Plan) -> Iterator[str]:
    todo = plan.todo
    yield (
        f"Steps: {todo.n_up_to_date} of {todo.n_steps} are up to date; a run with --resume makes "
        f"the other {todo.n_steps - todo.n_up_to_date}."
    )
    left = [model for model in plan.models if model.left]
    if left:
        yield from _work(left)
    if plan.disk:
        yield (
            f"Disk: about {size_in_words(plan.disk)} in '{plan.data_root}'; "
            f"{size_in_words(plan.disk_free)} are free."
        )


def _work(left: Sequence[ModelPlan]) -> Iterator[str]:
    seconds = total(model.seconds for model in left)
    rates = [model.rate for model in left if model.rate]
    operations = sum(model.operations for model in left)
    if rates:
        devices = ", ".join(dict.fromkeys(model.device for model in left if model.device))
        slowest, fastest = (f"{rate / 1e9:,.0f}" for rate in (min(rates), max(rates)))
        measured = fastest if slowest == fastest else f"{slowest} to {fastest}"
        yield (
            f"Time: about {time_in_words(seconds.expected)} (between {time_in_words(seconds.low)} "
            f"and {time_in_words(seconds.high)}) on {devices}, one model after the other; tables, "
            "figures and the page after them come on top (docs/scale.md)."
        )
        yield (
            f"Basis: {_short(operations)}FLOP; the {measured} GFLOP/s that products of the "
            "models' widths were just measured at, and the share of such a rate that the "
            "engine reached in measured runs."
        )
    largest = max(left, key=lambda model: model.memory)
    if largest.device:
        yield (
            f"Memory: at least {size_in_words(largest.memory)} for {largest.entry.slug}; "
            f"{size_in_words(largest.free)} are free on {largest.device}, of which the engine "
            "takes a share."
        )
    if any(not model.shape.read for model in left):
        yield (
            "~: its headers are not here; sizes follow from the roster, as if the model were built "
            "like GPT-2, and the download from its parameters and dtype."
        )


def _named(slugs: Sequence[str]) -> str:
    return f"{first_few(slugs, _SHOWN)}: " if slugs else ""
