"""Activations that a model spells out in many small steps, computed in one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from transformers.activations import FastGELUActivation, NewGELUActivation

# Both are the tanh approximation of GELU, each step a pass over the widest tensor of the model
# (GPT-2, GPT-Neo, GPT-J). torch computes the same formula in one pass.
_SPELLED_OUT = (NewGELUActivation, FastGELUActivation)


@contextmanager
def fused_activations(model: nn.Module) -> Iterator[None]:
    """For a while, the model computes its activations fused; equal up to rounding."""
    replaced = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if isinstance(child, _SPELLED_OUT)
    ]
    for parent, name, _ in replaced:
        setattr(parent, name, nn.GELU(approximate="tanh"))
    try:
        yield
    finally:
        for parent, name, child in replaced:
            setattr(parent, name, child)
