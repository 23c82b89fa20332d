"""How rankings and accuracies are compared, as the configuration says it."""

from __future__ import annotations

from pydantic import Field

from circuit_scaling.typed import Block, Draws, Seed


class ComparisonSettings(Block):
    """Parameters of the comparison.

    Attributes:
        top: the best heads of a ranking that count as found; the study's 50 of 1,024.
        layer_top: of how many best heads of each ranking the layers are counted; the study's 20.
        frequent: of how many heads, those most often found, the layers are counted; the study's
            100.
        consensus_rank: a head is a consensus where every method's mean rank is below; the study's
            100.
        n_boot: resamples of filings for intervals.
        seed: of everything that is drawn.
    """

    top: int = Field(default=50, gt=0)
    layer_top: int = Field(default=20, gt=0)
    frequent: int = Field(default=100, gt=0)
    consensus_rank: float = Field(default=100, gt=0)
    n_boot: Draws = Field(gt=0)
    seed: Seed = 0
