"""The sections of docs/benchmarks.md: a table and a few words for each kind of measurement."""

from __future__ import annotations

from benchmarks.markdown import table
from benchmarks.measuring import Result
from benchmarks.shapes import STUDY
from benchmarks.study import PROMPTS

_PRECISION_NAMES = {"float32": "float32", "tf32": "TF32", "bf16": "bfloat16 weights"}
_SLOW_ROADS = {"hook_loop": "hook loop", "patching_helper": "patching helper"}
_FAST_BLOCKS = ("compiled", "graphed")


def rate_table(rates: list[Result]) -> str:
    """The rate of matrix products in each precision."""
    rows = [(_PRECISION_NAMES[r["precision"]], f"{r['flops'] / 1e12:.1f}") for r in rates]
    return table(("matrix product in", "TFLOP/s"), rows)


def comparison_table(compared: list[Result], gpu: bool) -> str:
    """The engine against the hook loop and the patching helper, a row per shape and precision."""
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


def prefixes_table(built: list[Result]) -> str:
    """Prompts that begin alike: the engine with each prefix once, and for every prompt."""
    rows = [
        (
            r["shape"],
            _prompts(r),
            _PRECISION_NAMES[r["precision"]],
            f"{r['prefixes']} of {r['positions']} ({r['prefixes'] / r['positions']:.0%})",
            f"{r['seconds']['engine']:.1f}",
            f"{r['ratio']['every_prompt']:.2f}",
            f"{r['ratio']['hook_loop']:.1f}",
            f"{max(r['largest_difference'].values()):.0e}",
            f"{r['typical_effect']:.0e}",
        )
        for r in built
    ]
    some = {f"{len(r['layers'])} of {r['n_layers']}" for r in built}
    note = (
        "Prompts as they are built. *Every prompt*: the engine where nothing is shared. The hook "
        f"loop takes {' or '.join(sorted(some))} layers, scaled. All in turn, one token length "
        "after the other, the fastest of some rounds.\n"
    )
    head = ("shape", "prompts", "precision", "distinct prefixes of tokens", "engine, s")
    head += ("× every prompt", "× hook loop", "largest difference", "typical effect")
    return note + "\n" + table(head, rows)


def sets_table(ablated: list[Result]) -> str:
    """Sets of heads ablated together, against one hooked run per set."""
    rows = [
        (
            r["shape"],
            f"{r['task']}, {r['prompts']}"
            if r.get("task")
            else f"{r['prompts']} × {r['positions']}",
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
    head = ("shape", "prompts", "precision", "sets of heads", "engine, s", "hook loop, s")
    note = "Heads ablated together: all sets stacked, against one hooked run per set, in turn.\n"
    head += ("× hook loop", "largest difference", "typical effect")
    return note + "\n" + table(head, rows)


def paths_table(patched: list[Result]) -> str:
    """Patching values and paths, against one hooked run per question."""
    rows = [
        (
            r["question"],
            r["shape"],
            f"{r['pairs']} × {r['positions']}",
            r["asked"],
            _PRECISION_NAMES[r["precision"]],
            f"{r['seconds']['engine']:.1f}",
            f"{r['seconds']['hook_loop']:.1f}",
            f"{r['ratio']:.1f}",
            f"{r['largest_difference']:.0e}",
            f"{r['typical_effect']:.0e}",
        )
        for r in patched
    ]
    note = (
        "v-patching: the values of one head from the source run, for the heads of two layers. Path "
        "patching: from one head to q, k and v of every head of one later layer. The hook loop "
        "takes one run per question, and those that say what is put in; in turn, the fastest of "
        "two rounds.\n"
    )
    head = ("", "shape", "pairs × tokens", "questions", "precision", "engine, s", "hook loop, s")
    head += ("× hook loop", "largest difference", "typical effect")
    return note + "\n" + table(head, rows)


def _prompts(result: Result) -> str:
    """Those of a task, or how many of how many random tokens."""
    if result.get("task"):
        return f"{result['task']}, {result['prompts']}"
    return f"{result['prompts']} × {result['positions']}"


def _heads(result: Result) -> str:
    measured = len(result["layers"])
    if measured == result["n_layers"]:
        return str(result["heads"])
    return f"{result['heads']} (slow roads: scaled from {measured} of {result['n_layers']} layers)"


def cost_section(cost: Result) -> str:
    """Fitted exponents, and how well the law and the count of operations predict seconds."""
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


def precision_table(errors: list[Result], gpu: bool) -> str:
    """Errors of each precision against float64."""
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


def trained_table(learnt: list[Result]) -> str:
    """Errors on trained models, and how many heads they carry across τ."""
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


def real_section(real: Result) -> str:
    """The engine against plain forward hooks on a real model, a row per mode."""
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


def against_cpu_table(others: list[Result]) -> str:
    """Each operation on a device against the CPU."""
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


def memory_table(memories: list[Result]) -> str:
    """Peak memory of scans under a budget."""
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


def long_context_section(read: Result) -> str:
    """Attention of long prompts by three roads, a row per length."""
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


def decoding_table(decoded: list[Result]) -> str:
    """Decoding under sets of ablated heads, against one hooked ``generate`` per set."""
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


def block_table(blocks: list[Result], gpu: bool) -> str:
    """How many times as fast a block becomes, compiled and from a graph."""
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


def study_sections(studies: list[Result]) -> list[str]:
    """Words and a table for each precision and number of prompts, a row per model."""
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


def count_table(count: Result) -> str:
    """Necessary operations of each model of the study."""
    text = (
        f"Necessary operations of {count['tasks']} tasks × {count['prompts']} prompts × "
        f"{count['positions']} tokens, all heads: {count['total_pflop']:.1f} PFLOP.\n"
    )
    rows = [(model, f"{pflop:.3f}") for model, pflop in count["pflop"].items()]
    return text + "\n" + table(("model", "PFLOP"), rows)
