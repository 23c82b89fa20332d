"""docs/benchmarks.md from the measured results; nothing is measured here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.measuring import Result
from benchmarks.page_sections import (
    against_cpu_table,
    block_table,
    comparison_table,
    cost_section,
    count_table,
    decoding_table,
    long_context_section,
    memory_table,
    paths_table,
    precision_table,
    prefixes_table,
    rate_table,
    real_section,
    sets_table,
    study_sections,
    trained_table,
)
from benchmarks.plot import draw

# What makes a result the same measurement, so that a later one replaces an earlier one.
_KEYS = (
    *("benchmark", "question", "shape", "model", "task", "precision", "prompts", "heads"),
    "lowest_layer",
)

_INTRO = """\
# Benchmarks

Random weights of the true shapes, zero ablation at all positions, contrast read at the last one.
Made by `make bench` and, on a machine with a GPU, `make bench-gpu`; the numbers behind this page
are the lines of `docs/benchmarks/*.jsonl`, and `python -m benchmarks --page-only` rebuilds it.

*Share of the matmul rate*: necessary operations (`plan/operations.py`) per second, divided by
the fastest matrix product measured in the same run, precision and TF32 setting. *Hook loop*:
TransformerLens `run_with_hooks` on `hook_z`, one forward per head. *Patching helper*:
`transformer_lens.patching.get_act_patch_attn_head_out_all_pos`, with zeros patched in. The three
alternate layer by layer on the same weights, prompts, device and dtype.
"""

_NO_GPU = """\
The GPU part has not been measured: there are no GPU results in `docs/benchmarks/`. Its scripts need
neither Kedro nor a network; `benchmarks/README.md` says what to install.
"""


def write_page(results: Path, docs: Path) -> None:
    """Write the page and its plot from ``<results>/cpu.jsonl`` and ``<results>/cuda.jsonl``."""
    cpu, gpu = _read(results / "cpu.jsonl"), _read(results / "cuda.jsonl")
    parts = [_INTRO]
    if draw(_of(cpu, "against_hooks"), _of(cpu, "cost"), docs / "images" / "benchmarks.png"):
        parts.append("![Speed by layer, and the cost law](images/benchmarks.png)\n")
    parts += ["## On a CPU\n", *_device(cpu, "The CPU part has not been measured.\n")]
    parts += ["## On a GPU\n", *_device(gpu, _NO_GPU)]
    counts = _of([*cpu, *gpu], "study_count")
    if counts:
        parts += ["## What the study costs\n", count_table(counts[-1])]
    (docs / "benchmarks.md").write_text("\n".join(parts), encoding="utf-8")


def _read(file: Path) -> list[Result]:
    """The latest result of each measurement."""
    if not file.exists():
        return []
    lines = (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())
    return list({tuple(str(line.get(key)) for key in _KEYS): line for line in lines}.values())


def _of(results: Sequence[Result], benchmark: str) -> list[Result]:
    return [result for result in results if result["benchmark"] == benchmark]


def _device(results: list[Result], without: str) -> list[str]:
    """All sections of one device."""
    measured = [result for result in results if result["benchmark"] != "study_count"]
    if not measured:
        return [without]
    gpu = measured[0]["machine"]["kind"] == "cuda"
    parts = [_machines(measured)]
    rates = _of(results, "matmul_rate")
    if gpu and rates:
        parts.append(rate_table(rates))
    for benchmark, title, section in (
        ("against_hooks", "Against TransformerLens", partial(comparison_table, gpu=gpu)),
        ("prefixes", "Prompts that begin alike", prefixes_table),
        ("sets", "Sets of heads", sets_table),
        ("paths", "Patching", paths_table),
        ("cost", "How the cost grows", lambda costs: cost_section(costs[-1])),
        ("precision", "What a precision costs", partial(precision_table, gpu=gpu)),
        ("trained", "What a precision costs in trained models", trained_table),
        ("real_model", "A real pretrained model", lambda real: "\n".join(map(real_section, real))),
        ("against_cpu", "A device against the CPU", against_cpu_table),
    ):
        if found := _of(results, benchmark):
            parts += [f"### {title}\n", section(found)]
    parts += _memory_sections(results)
    if blocks := _of(results, "blocks"):
        parts += ["### Compiled and graphed blocks\n", block_table(blocks, gpu)]
    if gpu and (studies := _of(results, "study")):
        parts += ["### The whole study\n", *study_sections(studies)]
    return parts


def _machines(results: Sequence[Result]) -> str:
    lines = {
        f"{m['device']}, {m['cores']} cores, {m['threads']} threads; torch {m['torch']}, "
        f"transformers {m['transformers']}, TransformerLens {m['transformer_lens']}; {m['date']}."
        for m in (result["machine"] for result in results)
    }
    return "\n".join(sorted(lines)) + "\n"


def _memory_sections(results: list[Result]) -> list[str]:
    parts = []
    if memories := _of(results, "memory"):
        parts += ["### Memory\n", memory_table(memories)]
    if lengths := _of(results, "long_context"):
        parts += ["### Attention of long prompts\n", *map(long_context_section, lengths)]
    if decoded := _of(results, "decoding"):
        parts += ["### Answers without some heads\n", decoding_table(decoded)]
    return parts
