"""Muon: momentum whose matrices are made orthogonal, for the matrices between the embeddings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch

_MOMENTUM = 0.95
_DECAY = 0.01
_ITERATIONS = 5
_QUINTIC = (3.4445, -4.7750, 2.0315)  # of the Newton-Schulz iteration: steep at zero, about 1 then


class Muon(torch.optim.Optimizer):
    """Descends along the nearest orthogonal matrix of the Nesterov momentum (Jordan 2024).

    Unlike torch's own it computes in float32, which is faster on a CPU that has no bfloat16, and
    takes all matrices of one shape at once.

    Args:
        matrices: parameters of two dimensions.
    """

    def __init__(self, matrices: Iterable[torch.nn.Parameter], lr: float) -> None:
        super().__init__(list(matrices), {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step; gradients are there."""
        for group in self.param_groups:
            alike: dict[torch.Size, list[torch.nn.Parameter]] = defaultdict(list)
            for matrix in group["params"]:
                alike[matrix.shape].append(matrix)
            for shape, matrices in alike.items():
                updates = _orthogonal(torch.stack([self._momentum(m) for m in matrices]))
                scale = group["lr"] * max(1.0, shape[0] / shape[1]) ** 0.5
                for matrix, update in zip(matrices, updates, strict=True):
                    matrix.mul_(1 - group["lr"] * _DECAY).add_(update, alpha=-scale)

    def _momentum(self, matrix: torch.nn.Parameter) -> torch.Tensor:
        gradient = matrix.grad
        assert gradient is not None
        state = self.state[matrix]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(matrix)
        state["momentum"].lerp_(gradient, 1 - _MOMENTUM)
        return gradient.lerp(state["momentum"], _MOMENTUM)


def _orthogonal(stacked: torch.Tensor) -> torch.Tensor:
    """Matrices [n, rows, columns] with their singular values brought near 1."""
    tall = stacked.shape[-2] > stacked.shape[-1]
    x = stacked.mT if tall else stacked
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    a, b, c = _QUINTIC
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: torch.Tensor = x.mT if tall else x
    return result
