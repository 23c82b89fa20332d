"""How the embedded models are built and trained, as the configuration says it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Architecture = Literal["gpt2", "gpt_neox", "opt", "gpt_neo"]


class Shape(BaseModel):
    """Architecture and size of one embedded model; layers and heads stand in the roster."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: Architecture
    d_head: int = Field(gt=0)
    steps: int | None = Field(default=None, gt=0)


class ZooSettings(BaseModel):
    """Training of the embedded models.

    Attributes:
        steps, batch_size, learning_rate: of AdamW with a linear warm-up and a cosine decay.
        rows: share of each batch by objective.
        seed: of weights and data; each model adds its own slug to it.
        log_every: steps between two points of the loss curves.
        test_prompts: prompts per task for the final accuracies, on held-out names.
        shapes: slug -> architecture and size.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(gt=0)
    batch_size: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    rows: dict[str, float]
    seed: int = 0
    log_every: int = Field(default=25, gt=0)
    test_prompts: int = Field(default=400, gt=0)
    shapes: dict[str, Shape]
