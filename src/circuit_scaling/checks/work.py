"""Settings that are each in order and together ask for work without end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from circuit_scaling.checks.problem import Problem
from circuit_scaling.measuring.retrieval.settings import MaskingSettings, RetrievalSettings
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.prompts.spec import PromptSettings, Tasks

_MOST_RUNS = 200_000
"""For each head and task; the studies ask for 400."""
_MOST_PLACES = 200


def too_much_work(typed: Mapping[str, Any]) -> Iterator[Problem]:
    """Products of settings beyond what any machine finishes.

    Args:
        typed: the blocks that are right by themselves; one that is not there is not looked at.
    """
    tasks, prompts, scan = (typed.get(name) for name in ("tasks", "prompts", "scan"))
    if (
        isinstance(tasks, Tasks)
        and isinstance(prompts, PromptSettings)
        and isinstance(scan, ScanSettings)
    ):
        for name, spec in tasks.scanned().items():
            n_prompts = spec.n_prompts or prompts.n_prompts
            if n_prompts * scan.draws > _MOST_RUNS:
                yield Problem(
                    "scan.draws",
                    f"{scan.draws:,} draws for {n_prompts:,} prompts of '{name}' are "
                    f"{n_prompts * scan.draws:,} runs of the model for each head; at most "
                    f"{_MOST_RUNS:,} can be asked for. Lower draws or n_prompts.",
                )
    retrieval, masking = typed.get("retrieval"), typed.get("masking")
    if isinstance(retrieval, RetrievalSettings):
        places = len(retrieval.asks.lengths) * len(retrieval.asks.depths)
        if places > _MOST_PLACES:
            yield Problem(
                "retrieval.asks",
                f"{places:,} combinations of lengths and depths are asked about, each with all "
                f"filings; at most {_MOST_PLACES} can be. Give fewer of either.",
            )
        if isinstance(masking, MaskingSettings):
            sets = masking.n_random * len(masking.ks) * len(masking.ablations) * places
            if sets > _MOST_RUNS:
                yield Problem(
                    "masking.n_random",
                    f"{sets:,} random sets of heads would be masked (n_random x ks x ablations x "
                    f"lengths x depths); at most {_MOST_RUNS:,} can be. Lower one of them.",
                )
