"""Ablate several heads at once, many sets of them in one go."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuit_scaling.interventions.model.activations import fused_activations
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.changed_sets import changed_sets
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.clean import CleanRun
from circuit_scaling.interventions.replay.pairs import Head
from circuit_scaling.interventions.replay.portions import by_rows, joined, made_to_fit
from circuit_scaling.interventions.replay.readouts import Readout, questions_of
from circuit_scaling.interventions.replay.replacements import GroupMeans, Replacements, tokens_on
from circuit_scaling.interventions.replay.request_checks import check_heads, check_request
from circuit_scaling.interventions.replay.roads import prefixes_of, road_of


def ablate_sets(
    anatomy: Anatomy,
    batch: Batch,
    sets: Sequence[Sequence[Head]],
    ablation: Ablation,
    readouts: Sequence[Readout] = ("contrast", "candidates"),
    chunk: Chunk | None = None,
) -> dict[Readout, NDArray[np.float32]]:
    """Ablate each set of heads, all of its heads together, and read the run that is left.

    The readouts are of the ablated runs themselves (``clean_readouts`` has those of the clean run;
    ``kl_to_clean`` is from the clean to the ablated run), float32 [sets, prompts] each; with
    several draws, their mean. An empty set is the clean run.

    Raises:
        CircuitScalingError: a head is outside the model's shape; the batch does not fit together or
            does not fit the model; references or donors are missing.
    """
    check_request(anatomy, batch, readouts)
    for heads in sets:
        check_heads(anatomy, heads)
    chunk = chunk or Chunk.of(anatomy)
    shape = n_prompts, positions = batch.tokens.shape
    means = None
    if ablation.mode == "mean":
        means = made_to_fit(
            positions,
            chunk,
            lambda fitting: GroupMeans.of(anatomy, batch, fitting.prompts(n_prompts, positions)),
        )

    def ablate(rows: slice, fitting: Chunk) -> dict[Readout, NDArray[np.float32]]:
        given = Replacements(anatomy, batch, rows, (ablation,), means)
        tokens = tokens_on(anatomy, batch.tokens[rows])
        clean = CleanRun.of(anatomy, tokens, at_end="token_loss" not in readouts)
        questions = questions_of(anatomy, batch, rows, readouts, clean.final)
        draws: list[list[Tensor]] = [[] for _ in range(ablation.runs)]
        for layer, call in enumerate(clean.calls()):
            for draw, (_, z) in zip(draws, given.next_layer(layer, call.z), strict=True):
                draw.append(z)
        prefixes = prefixes_of(anatomy, batch, rows, (ablation,))
        road = road_of(ablation, clean, prefixes, "token_loss" not in readouts)
        end_only = ablation.positions == "end"
        values = torch.stack(
            [changed_sets(road, z, sets, questions, readouts, fitting, end_only) for z in draws]
        )
        return dict(zip(readouts, values.mean(0).cpu().numpy(), strict=True))

    with torch.no_grad(), fused_activations(anatomy.model):
        holding = chunk.holding(ablation.runs)
        parts = list(by_rows(shape, holding, ablate))
    return {name: joined([part[name] for part in parts]) for name in readouts}
