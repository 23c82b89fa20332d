"""Everything that is meant for a GPU, in two parts of under ten minutes each.

    python -m benchmarks.gpu --part 1 --out results    rates, engine against hooks, precision,
                                                       patching, blocks, and the study in float32
                                                       on fewer prompts
    python -m benchmarks.gpu --part 2 --out results    the study in TF32, at full size

Every result is one line of results/cuda.jsonl, written as soon as it is there.
"""

from __future__ import annotations

import argparse
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.against_cpu import against_cpu
from benchmarks.against_hooks import against_hooks
from benchmarks.blocks import blocks
from benchmarks.decoding import decoding_against_generate, llama_of, random_sets
from benchmarks.long_context import LENGTHS, long_context
from benchmarks.matmul_rate import matmul_rate
from benchmarks.measuring import PRECISIONS, Precision, Result, keep
from benchmarks.memory import memory
from benchmarks.paths import paths_against_hooks
from benchmarks.precision import precision
from benchmarks.prefixes import prefixes_against_hooks
from benchmarks.sets import sets_against_hooks
from benchmarks.shapes import STUDY
from benchmarks.study import PROMPTS, study
from benchmarks.trained import embedded, trained

# How many layers the slow roads take; they would take minutes on all 36 of the large one.
_LAYERS_COMPARED = {"gpt2": None, "gpt2_large": 6}
_FEWER_PROMPTS = 48  # in float32: cost is proportional to prompts
_FULL_PRECISIONS: tuple[Precision, ...] = ("float32", "tf32")


def first_part(device: torch.device, out: Path, end: float, prompts: int) -> None:
    """Comparisons and errors, and with the time left the study in float32."""
    measured = partial(_measure, device, out)
    for name in PRECISIONS:
        measured("matmul_rate", matmul_rate, name, device)
    for name in _FULL_PRECISIONS:
        for shape, layers in _LAYERS_COMPARED.items():
            measured("against_hooks", against_hooks, shape, 64, 16, name, device, layers)
        for task in ("ioi", "anti_names"):
            measured("prefixes", prefixes_against_hooks, "gpt2", task, 64, name, device)
    for asked in (16, "ioi"):
        measured("sets", sets_against_hooks, "gpt2", 64, asked, 32, 3, device)
    measured("paths", paths_against_hooks, "gpt2", 64, 16, device)
    measured("precision", precision, "gpt2", 64, 16, device)
    measured("trained", trained, embedded(), PRECISIONS, device)
    measured("against_cpu", against_cpu, "gpt2", 16, 16, "float32", device)
    measured("memory", memory, "pythia_2_8b", 64, 16, "float32", 4 * 2**30, device)
    measured("long_context", long_context, "llama_8b", 2, LENGTHS, 3, "bf16", device)
    measured("decoding", _answers, device)
    for shape in _LAYERS_COMPARED:
        for name in _FULL_PRECISIONS:
            measured("blocks", blocks, shape, name, device)
    _attempt(lambda: study(list(STUDY), prompts, "float32", device, end - time.monotonic(), out))


def _answers(device: torch.device) -> Result:
    """Decoding by a few layers of the shape of Llama-3-8B, under sets of heads."""
    shape, positions, new = "llama_3_8b", 2048, 10
    config = llama_of(shape, 4, positions + new)
    tokens = np.random.default_rng(0).integers(config.vocab_size, size=(8, positions))
    sets = random_sets(config, 16, 8, 0)
    result = decoding_against_generate(config, tokens, new, sets, "bf16", device)
    return {"shape": shape, "lowest_layer": 0, **result}


def second_part(device: torch.device, out: Path, end: float, prompts: int) -> None:
    """The study in TF32."""
    study(list(STUDY), prompts, "tf32", device, end - time.monotonic(), out)


def _measure(
    device: torch.device,
    out: Path,
    benchmark: str,
    measure: Callable[..., Result | list[Result]],
    *given: object,
) -> None:
    """Measure with what is given, and keep each result."""

    def kept() -> None:
        found = measure(*given)
        for result in found if isinstance(found, list) else [found]:
            keep(out, benchmark, device, result)

    _attempt(kept)


def _attempt(work: Callable[[], object]) -> None:
    """Do some work; what breaks is shown, and the rest is measured all the same."""
    try:
        work()
    except Exception:
        traceback.print_exc()
    torch.cuda.empty_cache()


def main() -> None:
    """Measure one part, or both one after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", type=int, choices=(1, 2), help="both when it is not given")
    parser.add_argument("--budget-s", type=float, default=570.0, help="seconds for a part")
    parser.add_argument("--prompts", type=int, help="per task in the study of the chosen part")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("There is no GPU here.")
    for number, part, prompts in ((1, first_part, _FEWER_PROMPTS), (2, second_part, PROMPTS)):
        if options.part in (None, number):
            end = time.monotonic() + options.budget_s
            part(torch.device("cuda"), options.out, end, options.prompts or prompts)


if __name__ == "__main__":
    main()
