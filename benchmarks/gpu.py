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
from benchmarks.measuring import PRECISIONS, Precision, keep
from benchmarks.memory import memory
from benchmarks.precision import precision
from benchmarks.shapes import STUDY
from benchmarks.study import PROMPTS, study
from benchmarks.trained import embedded, trained

_LAYERS_OF_LARGE = 6  # the slow roads would take minutes on all 36
_FEWER_PROMPTS = 48  # in float32: cost is proportional to prompts
_FULL_PRECISIONS: tuple[Precision, ...] = ("float32", "tf32")


def first_part(device: torch.device, out: Path, end: float, prompts: int) -> None:
    """Comparisons and errors, and with the time left the study in float32."""

    def compare(shape: str, name: Precision, layers: int | None) -> None:
        keep(out, "against_hooks", device, against_hooks(shape, 64, 16, name, device, layers))

    for name in PRECISIONS:
        keep(out, "matmul_rate", device, matmul_rate(name, device))
    for name in _FULL_PRECISIONS:
        _attempt(partial(compare, "gpt2", name, None))
        _attempt(partial(compare, "gpt2_large", name, _LAYERS_OF_LARGE))

    def errors() -> None:
        for result in precision("gpt2", 64, 16, device):
            keep(out, "precision", device, result)

    _attempt(errors)

    def learnt() -> None:
        for result in trained(embedded(), PRECISIONS, device):
            keep(out, "trained", device, result)

    _attempt(learnt)

    def others() -> None:
        for result in against_cpu("gpt2", 16, 16, "float32", device):
            keep(out, "against_cpu", device, result)

    _attempt(others)
    _attempt(
        lambda: keep(
            out, "memory", device, memory("pythia_2_8b", 64, 16, "float32", 4 * 2**30, device)
        )
    )

    _attempt(
        lambda: keep(
            out,
            "long_context",
            device,
            long_context("llama_8b", 2, LENGTHS, 3, "bf16", device),
        )
    )

    def answers() -> None:
        shape, positions, new = "llama_3_8b", 2048, 10
        config = llama_of(shape, 4, positions + new)
        tokens = np.random.default_rng(0).integers(config.vocab_size, size=(8, positions))
        sets = random_sets(config, 16, 8, 0)
        result = decoding_against_generate(config, tokens, new, sets, "bf16", device)
        keep(out, "decoding", device, {"shape": shape, "lowest_layer": 0, **result})

    _attempt(answers)

    def one_block(shape: str, name: Precision) -> None:
        for result in blocks(shape, name, device):
            keep(out, "blocks", device, result)

    for shape in ("gpt2", "gpt2_large"):
        for name in _FULL_PRECISIONS:
            _attempt(partial(one_block, shape, name))
    _attempt(lambda: study(list(STUDY), prompts, "float32", device, end - time.monotonic(), out))


def second_part(device: torch.device, out: Path, end: float, prompts: int) -> None:
    """The study in TF32."""
    study(list(STUDY), prompts, "tf32", device, end - time.monotonic(), out)


def _attempt(measure: Callable[[], object]) -> None:
    """Measure; what breaks is shown, and the rest is measured all the same."""
    try:
        measure()
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
