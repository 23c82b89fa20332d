"""How the engine works while it measures, as the configuration says it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import ByteSize, Field

from circuit_scaling.typed import Block


class EngineSettings(Block):
    """What every measurement of a model shares.

    Attributes:
        precision: of matrix products; ``tf32`` is faster on a GPU, ``bf16`` loads the weights in
            16 bits, and both make errors (docs/benchmarks.md).
        chunk: tokens (heads x prompts x positions) that are replayed together; ``auto`` takes what
            a short measurement finds fastest on the device.
        max_memory: beside the weights, such as ``8GiB``; by default a share of what is free.
    """

    not_in_results: ClassVar[frozenset[str]] = frozenset({"chunk", "max_memory"})

    precision: Literal["float32", "tf32", "bf16"] = "float32"
    chunk: Literal["auto"] | Annotated[int, Field(gt=0)] = "auto"
    max_memory: Annotated[ByteSize, Field(gt=0)] | None = None
