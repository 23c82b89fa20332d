"""docs/benchmarks.md from the measured results; nothing is measured here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.measuring import Result
from benchmarks.plot import draw
from benchmarks.shapes import STUDY
from benchmarks.study import PROMPTS

# What makes a result the same measurement, so that a later one replaces an earlier one.
_KEYS = ("benchmark", "shape", "model", "precision", "prompts", "heads", "lowest_layer")
_PRECISION_NAMES = {"float32": "float32", "tf32": "TF32", "bf16": "bfloat16 weights"}
_SLOW_ROADS = {"hook_loop": "hook loop", "patching_helper": "patching helper"}
_FAST_BLOCKS = ("compiled", "graphed")

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
        parts += ["## What the study costs\n", _count_table(counts[-1])]
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
        parts.append(_rate_table(rates))
    if compared := _of(results, "against_hooks"):
        parts += ["### Against TransformerLens\n", _comparison_table(compared, gpu)]
    if ablated := _of(results, "sets"):
        parts += ["### Sets of heads\n", _sets_table(ablated)]
    if costs := _of(results, "cost"):
        parts += ["### How the cost grows\n", _cost_section(costs[-1])]
    if errors := _of(results, "precision"):
        parts += ["### What a precision costs\n", _precision_table(errors, gpu)]
    if learnt := _of(results, "trained"):
        parts += ["### What a precision costs in trained models\n", _trained_table(learnt)]
    if real := _of(results, "real_model"):
        parts += ["### A real pretrained model\n", *map(_real_section, real)]
    if others := _of(results, "against_cpu"):
        parts += ["### A device against the CPU\n", _against_cpu_table(others)]
    parts += _memory_sections(results)
    if blocks := _of(results, "blocks"):
        parts += ["### Compiled and graphed blocks\n", _block_table(blocks, gpu)]
    if gpu and (studies := _of(results, "study")):
        parts += ["### The whole study\n", *_study_sections(studies)]
    return parts


def _machines(results: Sequence[Result]) -> str:
    lines = {
        f"{m['device']}, {m['cores']} cores, {m['threads']} threads; torch {m['torch']}, "
        f"transformers {m['transformers']}, TransformerLens {m['transformer_lens']}; {m['date']}."
        for m in (result["machine"] for result in results)
    }
    return "\n".join(sorted(lines)) + "\n"


def _rate_table(rates: list[Result]) -> str:
    rows = [(_PRECISION_NAMES[r["precision"]], f"{r['flops'] / 1e12:.1f}") for r in rates]
    return table(("matrix product in", "TFLOP/s"), rows)


def _comparison_table(compared: list[Result], gpu: bool) -> str:
    head = ["shape", "prompts × tokens", "precision", "heads"]
    head += ["engine, s", "hook loop, s"] if gpu else []
    head += [f"× {name}" for name in _SLOW_ROADS.values()]
    head += ["largest difference", "typical effect", "share of matmul rate"]
    head += ["peak memory, GB"] if gpu else []
    rows = []
    for r in compared:
        row = [r["shape"], f"{r['prompts']} × {r['positions']}", _PRECISION_NAMES[r["precision"]]]
        row.append(_heads(r))
        if gpu:
            row += [f"{r['seconds']['engine']:.2f}", f"{r['seconds']['hook_loop']:.2f}"]
        row += [f"{r['ratio'][name]:.1f}" for name in _SLOW_ROADS]
        row.append(f"{max(r['largest_difference'].values()):.0e}")
        row += [f"{r['typical_effect']:.0e}", f"{r['share_of_matmul']:.0%}"]
        row += [f"{r['engine_peak_gb']:.1f}"] if gpu else []
        rows.append(row)
    note = "Columns with × say how many times as long the other road takes.\n"
    return table(head, rows) + "\n" + note


def _sets_table(ablated: list[Result]) -> str:
    rows = [
        (
            r["shape"],
            f"{r['prompts']} × {r['positions']}",
            _PRECISION_NAMES[r["precision"]],
            f"{r['sets']} of {r['heads']}",
            f"{r['seconds']['engine']:.1f}",
            f"{r['seconds']['hook_loop']:.1f}",
            f"{r['ratio']:.1f}",
            f"{r['largest_difference']:.0e}",
            f"{r['typical_effect']:.0e}",
        )
        for r in ablated
    ]
    head = ("shape", "prompts × tokens", "precision", "sets of heads", "engine, s", "hook loop, s")
    note = "Heads ablated together: all sets stacked, against one hooked run per set, in turn.\n"
    head += ("× hook loop", "largest difference", "typical effect")
    return note + "\n" + table(head, rows)


def _heads(result: Result) -> str:
    measured = len(result["layers"])
    if measured == result["n_layers"]:
        return str(result["heads"])
    return f"{result['heads']} (slow roads: scaled from {measured} of {result['n_layers']} layers)"


def _cost_section(cost: Result) -> str:
    rows = [
        (name, f"{e['value']:.2f}", f"{e['low']:.2f} to {e['high']:.2f}", f"{e['expected']:.2f}")
        for name, e in cost["exponents"].items()
    ]
    base = cost["base"]
    fits = [
        (name, f"{fit['r_squared']:.4f}", f"{fit['largest_residual']:.0%}")
        for name, fit in (
            ("heads × layers × (layers + 1) / 2", cost["law"]),
            ("necessary operations", cost["operations"]),
        )
    ]
    grid = sum(point["in_grid"] for point in cost["points"])
    return "\n".join(
        [
            f"One size varies at a time around {base['layers']} layers, {base['heads']} heads, "
            f"{base['prompts']} prompts and {base['positions']} tokens of a GPT-2 with d_model "
            f"{cost['d_model']}; medians of {cost['repeats']} interleaved rounds. *Expected* is "
            "the exponent of the operation count over the same sizes.\n",
            table(("size", "exponent", "95 % interval", "expected"), rows),
            f"Seconds on a grid of {grid} shapes (layers × heads), as a constant times:\n",
            table(("predictor", "R²", "largest relative residual"), fits),
        ]
    )


def _precision_table(errors: list[Result], gpu: bool) -> str:
    rows = [
        (
            r["shape"],
            _PRECISION_NAMES[r["precision"]],
            f"{r['largest']:.0e}",
            f"{r['root_mean_square']:.0e}",
            f"{r['largest_of_head_means']:.0e}",
            f"{r['typical_effect']:.0e}",
        )
        for r in errors
    ]
    if not gpu:
        rows.append((errors[0]["shape"], "TF32", "needs a GPU", "", "", ""))
    head = ("shape", "precision", "largest error", "root mean square")
    note = "Against the same weights in float64: effects of single prompts, and of a head's mean.\n"
    return note + "\n" + table((*head, "largest of a head's mean", "typical effect"), rows)


def _trained_table(learnt: list[Result]) -> str:
    rows = [
        (
            r["model"],
            _PRECISION_NAMES[r["precision"]],
            f"{r['largest']:.0e}",
            f"{r['largest_of_head_means']:.0e}",
            f"{r['largest_effect']:.1f}",
            f"{r['across_tau']} of {r['heads']}",
        )
        for r in learnt
        if (r["machine"]["kind"], r["precision"]) != ("cpu", "float32")  # the reference itself
    ]
    one = learnt[0]
    note = (
        f"Embedded models on {one['prompts']} prompts of {one['task']}, against float32 on a CPU: "
        "errors of single prompts and of a head's mean, the largest mean effect, and how many "
        f"heads lie on the other side of τ = {one['tau']}.\n"
    )
    head = ("model", "precision", "largest error", "largest of a head's mean")
    return note + "\n" + table((*head, "largest effect", "heads across τ"), rows)


def _real_section(real: Result) -> str:
    rows = [
        (
            mode,
            f"{ratio:.1f}",
            f"{real['largest_difference'][mode]:.0e}",
            f"{real['largest_effect'][mode]:.1f}",
            f"{real['largest_difference'][mode] / real['largest_effect'][mode]:.0e}",
        )
        for mode, ratio in real["ratio"].items()
    ]
    note = (
        f"{real['model']}, all {real['heads']} heads, {real['prompts']} prompts of IOI as they are "
        "built: the engine and plain forward hooks, in turn, batch by batch (`make real-docs`).\n"
    )
    head = ("ablation", "× hook loop", "largest difference", "largest effect", "relative")
    return note + "\n" + table(head, rows)


def _against_cpu_table(others: list[Result]) -> str:
    rows = [
        (
            r["model"],
            r["shape"],
            f"{r['prompts']} × {r['positions']}",
            f"{r['seconds']:.2f}",
            f"{r['largest_difference']:.0e}",
            f"{r['typical']:.0e}",
        )
        for r in others
    ]
    head = ("operation", "shape", "prompts × tokens", "seconds")
    note = "Against the same operation in float32 on the CPU of the same machine.\n"
    return note + "\n" + table((*head, "largest difference", "typical value"), rows)


def _memory_sections(results: list[Result]) -> list[str]:
    parts = []
    if memories := _of(results, "memory"):
        parts += ["### Memory\n", _memory_table(memories)]
    if lengths := _of(results, "long_context"):
        parts += ["### Attention of long prompts\n", *map(_long_context_section, lengths)]
    if decoded := _of(results, "decoding"):
        parts += ["### Answers without some heads\n", _decoding_table(decoded)]
    return parts


def _memory_table(memories: list[Result]) -> str:
    rows = [
        (
            r["shape"],
            f"{r['parameters'] / 1e9:.2f}",
            _PRECISION_NAMES[r["precision"]],
            f"{r['weights_gb']:.2f}",
            f"{r['budget_gb']:.2f}",
            f"{r['peak_above_weights_gb']:.2f}",
            f"{r['chunk_tokens']}",
        )
        for r in memories
    ]
    head = ("shape", "parameters, 10⁹", "precision", "weights, GB", "budget, GB")
    note = "All heads ablated, with `max_memory` set; the peak is above what was held before.\n"
    return note + "\n" + table((*head, "peak above weights, GB", "tokens together"), rows)


def _long_context_section(read: Result) -> str:
    eager = "eager does not fit"
    rows = [
        (
            f"{p['positions']}",
            f"{p['seconds']['reading']:.2f}",
            f"{p['seconds']['rows']:.2f}",
            f"{p['ratio']:.1f}" if "ratio" in p else eager,
            f"{p['peak_gb']['reading']:.2f}",
            f"{p['peak_ratio']:.1f}" if "ratio" in p else "",
            f"{p['largest_difference']:.0e}" if "ratio" in p else "",
        )
        for p in read["points"]
    ]
    text = (
        f"{read['shape']} with {_counted(read['layers'], 'layer')} ({read['heads']} heads), "
        f"{_PRECISION_NAMES[read['precision']]}: attention of the last {read['queries']} tokens of "
        "one prompt to all, behind a key-value cache as detection reads it, without a cache, and "
        "from the patterns of `output_attentions` under eager attention, in turn; "
        f"{_counted(read['repeats'], 'round')}. Peaks are above what was held before.\n"
    )
    head = ("tokens", "seconds", "without a cache, s", "eager: × seconds", "peak, GB")
    head += ("eager: × peak", "largest difference")
    return text + "\n" + table(head, rows)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _decoding_table(decoded: list[Result]) -> str:
    rows = [
        (
            f"{r['shape']}, {r['layers']} layers",
            f"{r['prompts']} × {r['positions']} + {r['new_tokens']}",
            _PRECISION_NAMES[r["precision"]],
            f"{r['sets']} of {r['heads']}",
            f"from {r['lowest_layer']}",
            f"{r['seconds']['engine']:.1f}",
            f"{r['seconds']['generate']:.1f}",
            f"{r['ratio']:.1f}",
            f"{r['same_tokens']:.1%}",
        )
        for r in decoded
    ]
    note = (
        "Greedy decoding while random sets of heads give zero: all sets together, against one "
        "hooked `generate` per set, in turn.\n"
    )
    head = ("shape", "prompts × tokens + new", "precision", "sets of heads", "layers", "engine, s")
    return note + "\n" + table((*head, "`generate`, s", "× `generate`", "same tokens"), rows)


def _block_table(blocks: list[Result], gpu: bool) -> str:
    roads = [road for road in _FAST_BLOCKS if any(road in r["gain"] for r in blocks)]
    rows = [
        (
            r["shape"],
            _PRECISION_NAMES[r["precision"]],
            f"{r['tokens']}",
            *((f"{r['seconds']['eager'] * 1e3:.3f}",) if gpu else ()),
            *(f"{r['gain'].get(road, float('nan')):.2f}" for road in roads),
        )
        for r in blocks
    ]
    head = ["shape", "precision", "tokens stacked", *(["as written, ms"] if gpu else [])]
    note = "How many times as fast a block becomes.\n"
    return note + "\n" + table([*head, *roads], rows)


def _study_sections(studies: list[Result]) -> list[str]:
    parts = []
    groups = dict.fromkeys((r["precision"], r["prompts"]) for r in studies)
    for precision, prompts in groups:
        mine = [r for r in studies if (r["precision"], r["prompts"]) == (precision, prompts)]
        seconds = sum(r["seconds"] for r in mine)
        text = (
            f"{_PRECISION_NAMES[precision]}, {mine[0]['tasks']} tasks × {prompts} prompts × "
            f"{mine[0]['positions']} tokens, {len(mine)} of {len(STUDY)} models: {seconds:.0f} s "
            f"({seconds / 60:.1f} minutes) of scanning."
        )
        if prompts != PROMPTS:
            text += (
                f" In proportion, {PROMPTS} prompts would take {seconds * PROMPTS / prompts:.0f} s;"
                " that was not measured."
            )
        rows = [
            (
                r["model"],
                f"{r['pflop']:.3f}",
                f"{r['seconds']:.1f}",
                f"{r['flops'] / 1e12:.1f}",
                f"{r['share_of_matmul']:.0%}",
                f"{r['weights_gb']:.1f}",
                f"{r['peak_gb']:.1f}",
            )
            for r in mine
        ]
        head = ("model", "PFLOP", "seconds", "TFLOP/s", "share", "weights, GB", "peak, GB")
        parts += [text + "\n", table(head, rows)]
    return parts


def _count_table(count: Result) -> str:
    text = (
        f"Necessary operations of {count['tasks']} tasks × {count['prompts']} prompts × "
        f"{count['positions']} tokens, all heads: {count['total_pflop']:.1f} PFLOP.\n"
    )
    rows = [(model, f"{pflop:.3f}") for model, pflop in count["pflop"].items()]
    return text + "\n" + table(("model", "PFLOP"), rows)


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, cells)) + " |" for cells in lines) + "\n"
