"""How the embedded models are built and trained, as the configuration says it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from circuit_scaling.typed import Block, Seed

Architecture = Literal["gpt2", "gpt_neox", "opt", "gpt_neo"]


class Shape(Block):
    """Architecture and size of one embedded model; layers and heads stand in the roster."""

    architecture: Architecture
    d_head: int = Field(gt=0)
    steps: int | None = Field(default=None, gt=1)


class ZooSettings(Block):
    """Training of the embedded models.

    Attributes:
        steps, batch_size, learning_rate: of AdamW with a linear warm-up and a cosine decay.
        rows: share of each batch by objective.
        seed: of weights and data; each model adds its own slug to it.
        log_every: steps between two points of the loss curves.
        test_prompts: prompts per task for the final accuracies, on held-out names.
        shapes: slug -> architecture and size.
    """

    steps: int = Field(gt=1)
    batch_size: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    rows: dict[str, Annotated[float, Field(gt=0)]]
    seed: Seed = 0
    log_every: int = Field(default=25, gt=0)
    test_prompts: int = Field(default=400, gt=0)
    shapes: dict[str, Shape]
