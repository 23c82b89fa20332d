"""How the embedded models are built and trained, as the configuration says it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from circuit_scaling.typed import Block, Prompts, Seed, Steps, at_most
from circuit_scaling.vocabulary import QuestionForm

Architecture = Literal["gpt2", "gpt_neox", "opt", "gpt_neo", "llama"]
Rows = Annotated[int, at_most(65_536, "all rows of a step are in memory together")]
Filings = Annotated[int, at_most(1_000_000, "every filing is written out and kept")]


class Shape(Block):
    """Architecture and size of one embedded model; layers and heads stand in the roster.

    Attributes:
        architecture: that of GPT-2, GPT-NeoX (Pythia), OPT, GPT-Neo or Llama.
        d_head: width of a head.
        d_model: of a Llama; by default, and for the others, that of all heads together.
        steps: of its training; by default as many as the others have.
    """

    architecture: Architecture
    d_head: int = Field(gt=0)
    d_model: int | None = Field(default=None, gt=0)
    steps: Steps | None = Field(default=None, gt=1)


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

    steps: Steps = Field(gt=1)
    batch_size: Rows = Field(gt=0)
    learning_rate: float = Field(gt=0)
    rows: dict[str, Annotated[float, Field(gt=0)]]
    seed: Seed = 0
    log_every: int = Field(default=25, gt=0)
    test_prompts: Prompts = Field(default=400, gt=0)
    shapes: dict[str, Shape]


class Stage(Block):
    """Some steps of the curriculum of a model that reads documents.

    Attributes:
        rows: ``repeated``: random tokens, twice; ``stated``: a filing, then its facts as
            statements; ``asked``: a filing, then the questions about it.
        steps: how many.
        haystack: most tokens around a filing; how many they are is drawn for each batch.
    """

    rows: Literal["repeated", "stated", "asked"]
    steps: Steps = Field(gt=0)
    haystack: int = Field(default=0, ge=0)


class Reader(Block):
    """One embedded model that reads documents.

    Attributes:
        shape: its architecture and size.
        forms: how the questions of its training are put, step by step in turn.
        rate: factor of both learning rates: less than 1 for weights that are not to be lost.
        stages: the curriculum, in its order.
    """

    shape: Shape
    forms: tuple[QuestionForm, ...] = Field(min_length=1)
    rate: float = Field(default=1.0, gt=0)
    stages: tuple[Stage, ...] = Field(min_length=1)


class ReaderSettings(Block):
    """Training of the embedded models that read documents.

    Attributes:
        batch_size: rows about filings in a step.
        n_repeated, n_text: rows of repeated tokens and of plain text beside them.
        matrix_rate, other_rate: learning rates of Muon, and of AdamW for embeddings and norms.
        decay: share of the steps, the last ones, in which both fall to a fiftieth.
        n_filings: fictional filings to learn from.
        seed: of weights, filings and rows; each model adds its own slug to it.
        log_every: steps between two points of the loss curves.
        lengths: tokens of the prompts whose answers are judged in the end.
        test_filings: how many filings of companies never seen are asked about then.
        models: slug -> how it is built and trained.
    """

    batch_size: Rows = Field(gt=0)
    n_repeated: Rows = Field(gt=0)
    n_text: Rows = Field(gt=0)
    matrix_rate: float = Field(gt=0)
    other_rate: float = Field(gt=0)
    decay: float = Field(gt=0, le=1)
    n_filings: Filings = Field(gt=0)
    seed: Seed = 0
    log_every: int = Field(default=20, gt=0)
    lengths: tuple[Annotated[int, Field(gt=0)], ...] = Field(min_length=1)
    test_filings: Filings = Field(default=100, gt=1)
    models: dict[str, Reader]
