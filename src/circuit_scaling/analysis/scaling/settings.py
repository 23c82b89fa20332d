"""How scaling is measured, as the configuration says it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from circuit_scaling.typed import Block, Draws, Permutations, Seed, at_most


class ScalingSettings(Block):
    """How scaling is measured.

    Attributes:
        n_boot: bootstrap draws over clusters, for shares and mean depths.
        n_permutations: of heads within layers.
        n_splits: random halves of the clusters, for reliabilities.
        depth_bins: parts of a model's depth in the layer profile.
        seed: of all of them.
    """

    n_boot: Draws = Field(ge=200)
    n_permutations: Permutations = Field(gt=0)
    n_splits: Draws = Field(gt=0)
    depth_bins: Annotated[int, at_most(1_000, "no model has as many layers")] = Field(gt=0)
    seed: Seed = 0
