"""Prompts read piece by piece, with what every head looks at from the newest piece."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.cache_utils import DynamicCache

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.anatomy import Anatomy, refusal, run_unembed
from circuit_scaling.interventions.model.watched_attention import Attended, watching
from circuit_scaling.interventions.model.with_cache import run_with_cache
from circuit_scaling.interventions.replay.replacements import tokens_on
from circuit_scaling.interventions.replay.request_checks import check_prompts

Rows = NDArray[np.float32]
Tokens = NDArray[np.int64]


class Reading:
    """Some prompts of one length, behind which the model goes on with its key-value cache.

    What was read is not read again, also where two endings of a prompt are compared: read the
    beginning, look at one ending, go :meth:`back`, look at the other. Attention is read as
    ``attention_rows`` reads it: after rotary embedding, under the model's own mask, never a whole
    pattern, and checked against what the attention answered.
    """

    def __init__(self, anatomy: Anatomy) -> None:
        self._anatomy = anatomy
        # Layers with a window keep all keys as well, so that places in a row are positions.
        self._cache = DynamicCache()
        self.positions = 0
        """How many tokens of each prompt were read."""

    def read(self, tokens: Tokens) -> None:
        """Go on by [prompts, pos], without looking.

        Raises:
            CircuitScalingError: the tokens do not fit the model or its context; its attention
                cannot be reached.
        """
        self._run(tokens, lambda _: None)

    def look(self, tokens: Tokens, see: Callable[[int, Rows], None]) -> Tokens:
        """Go on by [prompts, pos], and look from each of these positions.

        Args:
            see: called layer by layer, in order, with the layer and float32 [prompts, n_heads, pos,
                keys], the attention of the new positions to all so far, 0 where a position cannot
                see. To hold all layers at once is to hold much: reduce each as it comes.

        Returns:
            The most likely next token of each prompt, [prompts].

        Raises:
            CircuitScalingError: as for :meth:`read`; or attention is something else than a masked
                softmax.
        """
        anatomy, layers = self._anatomy, []

        def look(attended: Attended) -> None:
            layers.append(attended.layer)
            every = torch.arange(attended.query.shape[2], device=anatomy.device)
            see(attended.layer, attended.rows(anatomy, every).cpu().numpy())

        hidden = self._run(tokens, look)
        if layers != list(range(anatomy.n_layers)):
            raise refusal(
                anatomy.architecture, "a block does not compute its attention exactly once"
            )
        with torch.no_grad():
            following = run_unembed(anatomy, hidden[:, -1]).argmax(dim=-1)
        return following.cpu().numpy()

    def back(self, positions: int) -> None:
        """Forget what comes behind the first ``positions`` tokens."""
        self._cache.crop(positions)
        self.positions = positions

    @torch.no_grad()
    def _run(self, tokens: Tokens, watcher: Callable[[Attended], None]) -> torch.Tensor:
        anatomy = self._anatomy
        check_prompts(anatomy, tokens)
        whole = self.positions + tokens.shape[1]
        if anatomy.context is not None and whole > anatomy.context:
            raise CircuitScalingError(
                f"The prompts have {self.positions} tokens and {tokens.shape[1]} are to follow, "
                f"the model's context is {anatomy.context}."
            )
        with watching(anatomy, watcher):
            hidden = run_with_cache(anatomy, tokens_on(anatomy, tokens), self._cache)
        self.positions = whole
        return hidden
