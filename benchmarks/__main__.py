"""``make bench``: measure what a CPU can show, and write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from benchmarks.against_hooks import against_hooks
from benchmarks.blocks import blocks
from benchmarks.cost import cost
from benchmarks.matmul_rate import matmul_rate
from benchmarks.measuring import Precision, keep
from benchmarks.page import write_page
from benchmarks.paths import paths_against_hooks
from benchmarks.precision import precision
from benchmarks.prefixes import prefixes_against_hooks
from benchmarks.sets import sets_against_hooks
from benchmarks.study import count
from benchmarks.trained import embedded, trained

_DOCS = Path(__file__).parents[1] / "docs"
# By make soak and make real-docs.
_MEASURED_ELSEWHERE = ("memory", "long_context", "decoding", "real_model")
_CPU_PRECISIONS: tuple[Precision, ...] = ("float32", "bf16")


def measure(out: Path) -> None:
    """Measure anew: about half an hour on two cores, most of them in the slow roads."""
    cpu = torch.device("cpu")
    _forget(out / "cpu.jsonl")
    for name in _CPU_PRECISIONS:
        keep(out, "matmul_rate", cpu, matmul_rate(name, cpu))
    keep(out, "against_hooks", cpu, against_hooks("gpt2", 64, 16, "float32", cpu))
    for task in ("ioi", "anti_names"):
        result = prefixes_against_hooks("gpt2", task, 64, "float32", cpu)
        keep(out, "prefixes", cpu, result)
    for asked in (16, "ioi"):
        keep(out, "sets", cpu, sets_against_hooks("gpt2", 64, asked, 32, 3, cpu))
    for result in paths_against_hooks("gpt2", 32, 16, cpu):
        keep(out, "paths", cpu, result)
    keep(out, "cost", cpu, cost(cpu))
    keep(out, "study_count", cpu, count())
    for result in precision("gpt2", 16, 16, cpu):
        keep(out, "precision", cpu, result)
    for result in trained(embedded(), _CPU_PRECISIONS, cpu):
        keep(out, "trained", cpu, result)
    for result in blocks("gpt2", "float32", cpu):
        keep(out, "blocks", cpu, result)


def _forget(file: Path) -> None:
    """Drop what is measured anew, and keep what other commands have measured."""
    if file.exists():
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if json.loads(line)["benchmark"] in _MEASURED_ELSEWHERE]
        file.write_text("".join(kept), encoding="utf-8")


def main() -> None:
    """Measure, unless only the page is wanted, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--page-only", action="store_true", help="rebuild the page from results")
    options = parser.parse_args()
    results = _DOCS / "benchmarks"
    if not options.page_only:
        measure(results)
    write_page(results, _DOCS)


if __name__ == "__main__":
    main()
