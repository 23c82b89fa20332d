"""A scan that was stopped goes on with the layers that are known, to the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor

from circuit_scaling.interventions.operations.ablate_heads import LayerEffects, scan_layers
from circuit_scaling.interventions.replay import roads
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.portions import Portion
from tests.helpers.engine_scan import batch_of
from tests.helpers.tiny_models import HEADS, LAYERS

READOUTS: dict[str, tuple[Any, ...]] = {
    "last position": ("contrast", "answer_logprob"),
    "every position": ("token_loss",),
}
KINDS = tuple(
    Ablation(mode, positions, draws=2, seed=5)
    for mode in ("zero", "mean", "resample")
    for positions in ("all", "end")
)
# Tokens, for 5 prompts of 9: one head on some prompts, one head, three and seven heads (which are
# of several layers and ablations), everything.
CHUNKS = (30, 45, 135, 315, 100_000)
Bits = dict[tuple[int, int, Ablation, str], NDArray[np.float32]]


def _scan(shared: Any, chunk: int, readouts: tuple[Any, ...], known: int = 0) -> Bits:
    """First row, layer, ablation and readout -> effects, of the layers from ``known`` on."""

    def known_until(_portion: Portion, layer: int) -> int:
        return max(layer, known)

    batch, in_tokens = batch_of(shared.prompts), Chunk.of(shared.anatomy, chunk, max_memory=2**30)
    found: list[LayerEffects] = list(
        scan_layers(shared.anatomy, batch, KINDS, readouts, in_tokens, known_until)
    )
    return {
        (part.rows.start, part.layer, part.ablation, name): values
        for part in found
        for name, values in part.effects.items()
    }


@pytest.mark.parametrize("readouts", READOUTS)
@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("architecture", ["gpt2", "gpt_neox_parallel", "gpt_neo"])
def test_the_layers_that_are_left_have_the_same_bits(study, architecture, chunk, readouts):
    shared = study(architecture)
    whole = _scan(shared, chunk, READOUTS[readouts])
    for known in range(LAYERS + 1):
        left = _scan(shared, chunk, READOUTS[readouts], known)
        assert left.keys() == {key for key in whole if key[1] >= known}
        for key, values in left.items():
            np.testing.assert_array_equal(values, whole[key], strict=True, err_msg=str(key))


@pytest.fixture
def rows_of_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows of ablated runs went through a block, call by call."""
    rows: list[int] = []
    run_block = roads.run_block

    def counted(anatomy: Any, arguments: Any, residual: Tensor) -> Tensor:
        rows.append(len(residual))
        return run_block(anatomy, arguments, residual)

    monkeypatch.setattr(roads, "run_block", counted)
    return rows


@pytest.mark.parametrize("heads", [1, 3, 7, 1000])
def test_runs_of_known_layers_are_not_made_again(study, rows_of_calls, heads):
    """But for less than one stack of them, which is made whole."""
    shared = study("gpt2")
    n_prompts, positions = shared.prompts.tokens.shape
    chunk = heads * n_prompts * positions
    ablation = Ablation("zero")
    batch = batch_of(shared.prompts)

    def runs(known: int) -> list[int]:
        rows_of_calls.clear()
        in_tokens = Chunk.of(shared.anatomy, chunk, max_memory=2**30)
        scan = scan_layers(
            shared.anatomy, batch, ablation, ("token_loss",), in_tokens, lambda _, __: known
        )
        for _ in scan:
            pass
        return [rows // n_prompts for rows in rows_of_calls]

    for known in range(LAYERS):
        boarding = HEADS * known  # their runs in the order in which they board
        made_again = boarding % heads
        expected = _blocks_run(heads, first=boarding - made_again)
        assert sum(runs(known)) == expected, known
    assert not runs(LAYERS)


def _blocks_run(heads: int, first: int) -> int:
    """Blocks that the runs from the ``first`` on go through, each from the layer above its own."""
    return sum(LAYERS - 1 - run // HEADS for run in range(first, LAYERS * HEADS))
