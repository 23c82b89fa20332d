"""``make scale``: what large studies cost and where the design stops, as docs/scale.md."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks import scale_stages
from benchmarks.fits import exponent
from benchmarks.markdown import table
from benchmarks.measuring import Result
from benchmarks.scale_plans import (
    ROOT,
    Scan,
    bytes_per_row,
    card,
    heads_of,
    plans,
    tables_per_model,
)
from benchmarks.study import POSITIONS, PROMPTS, TASKS

_RESULTS = ROOT / "docs" / "benchmarks"
_PIXELS, _DPI = 2**16, 200  # of Matplotlib's canvas; of figures for print
_INTRO = """\
# Large studies

What a study costs before it is begun, and where today's design stops. Written by `make scale`;
`python -m benchmarks.scale --page-only` writes it again from `docs/benchmarks/cuda.jsonl` (rates
of scans) and `docs/benchmarks/scale.jsonl` (the stages after them).

## Three plans

All heads, {tasks} tasks × {prompts} prompts × {positions} tokens, one kind of ablation; a further
kind costs as much again. Operations are counted (`plan/operations.py`). Hours are those of one
{card} in float32 at the rate measured on each shape, with other numbers of prompts in proportion;
where a shape was not measured, at the rate of Pythia 2.8B, which is a guess. Neither causal tracing
nor sets of heads are in them: *not measured* at these sizes.

"""
_BYTES = """
*Effects* are `head_effects` with the effect of every head on every prompt, {full:,.0f} bytes a row
of a head and a task; without the list of prompts a row has {bare:,.0f} bytes (measured on tables of
GPT-2's shape with random values, which do not compress). The lists are what the table weighs: keep
them where another statistic over prompts may be wanted, which is why today they are always kept.
Each model has {tables} versioned tables, each a folder with one file a version.

A model of 70 billion parameters does not fit one card: 16-bit weights are 141 GB, and the engine
runs on one device. Its hours are those that the operations would take, and *not measured*.
"""
_STAGES = """
## What comes after the scans

Made-up studies of tiny models (48 heads, 8 families), seconds of one core, once
({device}, {date}). *Exponent*: of the seconds over the three largest sizes that were measured; 1 is
in proportion to the models. Below a second it says little. A dash was not measured.

"""
_STOPS = """
## Where it stops

- **Pairs of models.** Transfer compares every ordered pair: 90 of 10 models, 89,700 of 300. That is
  its answer, not waste; `transfer.pairs: families` compares within families, and a list names
  pairs. All rows are kept in memory until the end.
- **The page.** Every head has a card in it, and a model is drawn as rows or panels of each figure,
  so that both grow with the models. Tables of pairs are cut at 2,000 rows and say so. A page of
  1,000 models is *not measured*. The tallest figure grows by {per_model:.2f} inches a model; at
  {dpi} dots an inch it reaches the {pixels:,} pixels that the drawing library allows with about
  {most:,.0f} models.
- **One node per model reads the joint tables whole.** Causal tracing and ablation of n models read
  n times a table of n models.
- **Versions.** The newest version is found by listing the folder; 100,000 versions of a table are
  *not measured*.
"""


def write_page(results: Path, page: Path) -> None:
    """Write the page from ``cuda.jsonl`` and ``scale.jsonl`` in ``results``."""
    full, bare = bytes_per_row(PROMPTS)
    per_model = tables_per_model()
    rows = [_plan(name, plan, full, per_model) for name, plan in plans(results).items()]
    head = ["plan", "checkpoints", "heads", "PFLOP", "hours", "effects, GB", "files"]
    text = _INTRO.format(tasks=TASKS, prompts=PROMPTS, positions=POSITIONS, card=card(results))
    text += table(head, rows) + _BYTES.format(full=full, bare=bare, tables=per_model)
    text += _after(results / "scale.jsonl")
    page.write_text(text + _stops(results / "scale.jsonl"), encoding="utf-8")


def _plan(name: str, plan: Sequence[Scan], per_row: float, tables: int) -> list[str]:
    checkpoints = sum(scan.times for scan in plan)
    guessed = "" if all(scan.measured for scan in plan) else " (some shapes not measured)"
    return [
        name,
        f"{checkpoints:,}",
        f"{heads_of(plan):,}",
        f"{sum(scan.operations for scan in plan) / 1e15:,.0f}",
        f"{sum(scan.hours for scan in plan):,.1f}{guessed}",
        f"{sum(scan.rows for scan in plan) * per_row / 1e9:,.2f}",
        f"{checkpoints * tables:,}",
    ]


def _after(file: Path) -> str:
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    sizes = sorted({line["models"] for line in lines})
    machine = lines[0]["machine"]
    rows = []
    for stage in dict.fromkeys(line["stage"] for line in lines):
        told = {line["models"]: line for line in lines if line["stage"] == stage}
        seconds = [f"{told[n]['seconds']:.1f}" if n in told else "–" for n in sizes]
        rows.append([stage, *seconds, _exponent(told), _made(told[max(told)])])
    head = ["stage", *(f"{n} models" for n in sizes), "exponent", "with the most models"]
    return _STAGES.format(device=machine["device"], date=machine["date"]) + table(head, rows)


def _stops(file: Path) -> str:
    """Where the figures stop follows from how they grow between the sizes that were measured."""
    lines = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    heights: dict[int, float] = {}
    for line in lines:
        high = max(heights.get(line["models"], 0.0), line.get("tallest_inches", 0.0))
        heights[line["models"]] = high
    first, last = min(heights), max(n for n, high in heights.items() if high)
    per_model = (heights[last] - heights[first]) / (last - first)
    most = last + (_PIXELS / _DPI - heights[last]) / per_model
    return _STOPS.format(pixels=_PIXELS, dpi=_DPI, per_model=per_model, most=most)


def _exponent(told: dict[int, Result]) -> str:
    largest = sorted(told)[-3:]
    if len(largest) < 3:
        return "–"
    return f"{exponent(largest, [told[n]['seconds'] for n in largest]).value:.2f}"


def _made(result: Result) -> str:
    parts = [f"{result[name]:,} {name}" for name in ("nodes", "pairs") if name in result]
    if "bytes" in result:
        parts.append(f"{result['bytes'] / 1e6:.1f} MB")
    if "tallest_inches" in result:
        parts.append(f"{result['tallest_inches']:.0f} inches high")
    if result.get("failed"):
        parts.append(f"not drawn: {'; '.join(result['failed'])}")
    return ", ".join(parts)


def main() -> None:
    """Measure, unless only the page is wanted, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--page-only", action="store_true", help="rebuild the page from results")
    options = parser.parse_args()
    if not options.page_only:
        scale_stages.measure(scale_stages.SIZES, _RESULTS)
    write_page(_RESULTS, ROOT / "docs" / "scale.md")


if __name__ == "__main__":
    main()
