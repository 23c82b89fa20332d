"""What causal tracing measures, as the configuration says it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from circuit_scaling.measuring.causal.corruption import Corruption
from circuit_scaling.typed import Block, Permutations, Seed
from circuit_scaling.vocabulary import STUDY_TASKS

TRACED_TASKS = STUDY_TASKS
"""The tasks that feed the categories."""


class Corruptions(Block):
    """What is replaced in the corrupt prompts of each task: see :func:`corruption.pairs_of`.

    A task from a file with corrupt texts is traced with these, and nothing is replaced.

    Attributes:
        ioi: ``subject``, the last mention of the repeated name by the other one; or ``names``, each
            name by the other everywhere.
        anti_names: the same, for anti-repetition.
    """

    ioi: Corruption
    anti_names: Corruption


class CausalSettings(Block):
    """Parameters of causal tracing.

    Attributes:
        corruption: of each task, what is replaced.
        heads: ``heroes``, or ``all``: influence and direct effect of every head. Writes and pairs
            are of heroes in either case.
        max_prompts: per task, the same number of every cluster as far as it goes, so that no
            cluster is lost; null for all.
        pairs: whether every two heroes are patched together too.
        max_receivers: inputs (q, k or v of a later head) that path patching measures per head, the
            strongest by attribution; null for all.
        min_share: of the total effect, from which on a path counts for the verdict.
        n_permutations: random heads in place of the heroes, for the similarity of their profiles.
        seed: of these heads.
    """

    corruption: Corruptions
    heads: Literal["heroes", "all"] = "heroes"
    max_prompts: int | None = Field(default=None, gt=0)
    pairs: bool = True
    max_receivers: int | None = Field(default=None, gt=0)
    min_share: float = Field(gt=0, le=1)
    n_permutations: Permutations = Field(ge=99)
    seed: Seed = 0
