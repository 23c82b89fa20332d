"""First-order estimates of the effects of all heads from one backward pass: fast, not exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.anatomy import Anatomy, run_tail, run_unembed
from circuit_scaling.interventions.model.blocks import first_tensor
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.portions import by_graphs, joined, made_to_fit
from circuit_scaling.interventions.replay.replacements import GroupMeans, Replacements, tokens_on
from circuit_scaling.interventions.replay.request_checks import check_request


def attribute(
    anatomy: Anatomy, batch: Batch, ablations: Sequence[Ablation], chunk: Chunk | None = None
) -> dict[Ablation, NDArray[np.float32]]:
    """Attribution scores, float32 [layers, heads, prompts] for each ablation.

    The score is the sum over positions and d_head of dm/dz (z' - z): what a straight line through
    the clean run predicts for m(ablated) - m(clean), with m the contrast, z the head's output
    before the output projection, and z' what the exact scan puts in its place. Negative: the head
    helps, as for the exact effect. The gradient does not depend on z', so that one forward and
    one backward pass give all ablations, and the mean over draws is the score of the mean z'.

    Source: attribution patching, Nanda 2023; the estimate is "AtP" in Kramár et al. 2024 (AtP*),
    arXiv 2403.00745.

    Args:
        chunk: the memory; by default what was measured to be fast here.

    Raises:
        CircuitScalingError: the batch does not fit together or does not fit the model; a prompt
            has no answer or no distractor; an ablation needs references and the batch has none; a
            prompt has no possible donor; the memory is too small for one prompt.
    """
    check_request(anatomy, batch, ("contrast",))
    if not (all(batch.answers) and all(batch.distractors)):
        raise CircuitScalingError(
            "Attribution is of the contrast: every prompt needs an answer and a distractor."
        )
    chunk = chunk or Chunk.of(anatomy)
    n_prompts, positions = batch.tokens.shape
    whole, together = chunk.tokens, chunk.prompts_of_graph(anatomy, n_prompts, positions)
    means = None
    if any(ablation.mode == "mean" for ablation in ablations):
        means = made_to_fit(
            positions,
            chunk,
            lambda fitting: GroupMeans.of(
                anatomy, batch, max(1, together * fitting.tokens // whole)
            ),
        )

    def score(rows: slice, _: Chunk) -> dict[Ablation, NDArray[np.float32]]:
        tokens = tokens_on(anatomy, batch.tokens[rows])
        shape = (anatomy.n_layers, anatomy.n_heads, len(tokens))
        scores = {ablation: np.zeros(shape, dtype=np.float32) for ablation in ablations}
        zs, gradients = contrast_gradients(
            anatomy, tokens, batch.answers[rows], batch.distractors[rows]
        )
        given = Replacements(anatomy, batch, rows, ablations, means)
        for layer, (z, gradient) in enumerate(zip(zs, gradients, strict=True)):
            for index, z_new in given.next_layer(layer, z):
                ablation = ablations[index]
                kept = slice(-1, None) if ablation.positions == "end" else slice(None)
                change = (z_new - z)[:, kept].float() / ablation.runs
                product = torch.einsum("bphd,bphd->hb", change, gradient[:, kept].float())
                scores[ablation][layer] += product.cpu().numpy()
        return scores

    parts = list(by_graphs(anatomy, batch.tokens.shape, chunk, score))
    return {ablation: joined([part[ablation] for part in parts]) for ablation in ablations}


def contrast_gradients(
    anatomy: Anatomy,
    tokens: Tensor,
    answers: Sequence[Sequence[int]],
    distractors: Sequence[Sequence[int]],
) -> tuple[list[Tensor], list[Tensor]]:
    """Clean z and dm/dz of every layer, [prompts, pos, heads, d_head] each; m is the contrast.

    The contrast of a prompt depends on its own row alone: one backward pass from all prompts
    together gives each its own gradient. No parameter collects a gradient.
    """
    zs: list[Tensor] = []
    finals: list[Tensor] = []

    def before_projection(_module: nn.Module, args: Any) -> Any:
        # Of a model with frozen weights, the first z is the first to need a gradient.
        z = args[0] if args[0].requires_grad else args[0].detach().requires_grad_()
        zs.append(z)
        return (z, *args[1:])

    def after_blocks(_module: nn.Module, _args: Any, output: Any) -> None:
        finals.append(first_tensor(output))

    handles = [
        projection.register_forward_pre_hook(before_projection)
        for projection in anatomy.projections
    ]
    handles.append(anatomy.blocks[-1].register_forward_hook(after_blocks))
    try:
        with torch.enable_grad():
            anatomy.model(input_ids=tokens, use_cache=False)
            # The backward pass starts at the last position, which alone is normed and unembedded.
            logits = run_unembed(anatomy, run_tail(anatomy, finals[0][:, -1:]))[:, 0]
    finally:
        for handle in handles:
            handle.remove()
    gradients = torch.autograd.grad(
        logits, zs, grad_outputs=_contrast_gradient(answers, distractors, logits)
    )
    shape = (*tokens.shape, anatomy.n_heads, anatomy.d_head)
    return [z.detach().reshape(shape) for z in zs], [g.reshape(shape) for g in gradients]


def _contrast_gradient(
    answers: Sequence[Sequence[int]], distractors: Sequence[Sequence[int]], logits: Tensor
) -> Tensor:
    """dm/dlogits [prompts, vocabulary]: 1/n at the answers, -1/n at the distractors."""
    gradient = torch.zeros(logits.shape)
    for sign, named in ((1, answers), (-1, distractors)):
        for row, tokens in enumerate(map(set, named)):
            gradient[row, sorted(tokens)] += sign / len(tokens)
    return gradient.to(logits)
