"""How scaling is measured, as the configuration says it."""

from __future__ import annotations

from pydantic import Field

from circuit_scaling.typed import Block, Seed


class ScalingSettings(Block):
    """How scaling is measured.

    Attributes:
        n_boot: bootstrap draws over clusters, for shares and mean depths.
        n_permutations: of heads within layers.
        n_splits: random halves of the clusters, for reliabilities.
        depth_bins: parts of a model's depth in the layer profile.
        seed: of all of them.
    """

    n_boot: int = Field(ge=200)
    n_permutations: int = Field(gt=0)
    n_splits: int = Field(gt=0)
    depth_bins: int = Field(gt=0)
    seed: Seed = 0
