"""What prompts begin with: the BOS token, where the checkpoint was trained with it."""

from __future__ import annotations

from typing import Literal

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.wordbank import Tokenizer

BosChoice = bool | Literal["auto"]

TRAINED_WITH_BOS = frozenset(
    {"opt", *(f"gemma{n}" for n in ("", "2", "3", "3_text", "4", "4_text"))}
)
"""Families (``model_type``) that were trained with BOS and whose tokenizers, as they are saved or
converted, may not add it by themselves.

Sources: the hub's configurations of OPT have ``"prefix": "</s>"``, its BOS; Gemma loses its
perplexity without BOS (lm-evaluation-harness, pull requests 1465 and 2049).
"""

_TEXT = "When"


def prompt_prefix(tokenizer: Tokenizer, bos: BosChoice, model_type: str) -> tuple[int, ...]:
    """The token ids that stand before every prompt; none where prompts begin with their text.

    Args:
        bos: ``auto``: what the tokenizer itself puts before a text; where it puts nothing, BOS for
            the families of ``TRAINED_WITH_BOS``. True and False override both.
        model_type: the family, as the checkpoint's configuration names it.

    Raises:
        CircuitScalingError: BOS is asked for, and the tokenizer has none; ``bos`` is none of the
            three.
    """
    if not (isinstance(bos, bool) or bos == "auto"):
        raise CircuitScalingError(f"bos is 'auto', True or False, and not {bos!r}.")
    if bos is False:
        return ()
    own = _put_before_text(tokenizer)
    if bos == "auto" and (own or model_type not in TRAINED_WITH_BOS):
        return own
    if tokenizer.bos_token_id is None:
        if bos == "auto":
            return ()
        raise CircuitScalingError(
            "The tokenizer has no BOS token: set 'bos: auto' or 'bos: false' for the model."
        )
    return (tokenizer.bos_token_id,)


def _put_before_text(tokenizer: Tokenizer) -> tuple[int, ...]:
    """The special tokens that the tokenizer adds in front of a text by its own rule."""
    bare = tokenizer.encode(_TEXT, add_special_tokens=False)
    whole = tokenizer.encode(_TEXT, add_special_tokens=True)
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return tuple(whole[:start])
    return ()
