"""Which attention heads do which job, in every model, at every scale, and how sure are we?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from circuit_scaling.errors import IncompetentModelWarning

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__version__ = "0.2.0"
__all__ = ["IncompetentModelWarning", "scan"]


def scan(  # noqa: PLR0913 - called with what is wanted, by name
    model: str | Path | PreTrainedModel,
    task: str = "ioi",
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    ablation: str = "zero",
    positions: str = "all",
    n_prompts: int = 400,
    bos: bool | Literal["auto"] = "auto",
    method: str = "exact",
    untrained: bool = False,
) -> pd.DataFrame:
    """Ablate every head of a model on one task, from Python and without Kedro.

    Args:
        model: a hub id, a local folder, a GGUF file, or a Hugging Face causal language model (then
            with its ``tokenizer``).
        task: a shipped task: ioi, anti_names, anti_lists, induction, ioi_abc, plain_text.
        ablation, positions: ``zero``, ``mean`` or ``resample``; ``all`` or ``end``.
        n_prompts: a multiple of 40.
        bos: whether prompts begin with the BOS token; ``auto`` is what the checkpoint was trained
            with, found from its tokenizer.
        method: ``exact``, or ``attribution``: a first-order estimate from one backward pass.
        untrained: whether a model that predicts plain text no better than word counts is taken.

    Returns:
        A row per head: layer, head and, by method,

        - ``exact``: delta (change of the metric when the head is ablated; negative: the head
          helps), se, low and high (95 %), p, q, and effects (the change on every prompt);
        - ``attribution``: delta_attribution and scores (the estimates of delta and of effects).
          They are under names of their own and have no se, interval, p or q, because they are
          approximations and not measured effects.

        ``attrs`` of the table has what the model does before anything is ablated: ``bos`` (whether
        prompts began with it) and, where the task has an answer, ``clean_metric``, ``accuracy`` and
        ``competent`` (None where there are too few clusters to know).

    Warns:
        IncompetentModelWarning: the model does not do the task, so that no head has a job in it.

    Raises:
        CircuitScalingError: unknown task, ablation or method, a task without a contrast
            for ``attribution``, a model that cannot be taken, or one
            to which text is noise.
    """
    # Imported here: torch and transformers take seconds, and the command line imports this package.
    from circuit_scaling.measuring.scan.quick import quick_scan

    kind = (ablation, positions)
    return quick_scan(model, task, tokenizer, kind, n_prompts, bos, method, untrained)
