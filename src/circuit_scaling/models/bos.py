"""What prompts begin with: the BOS token, where the checkpoint was trained with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.wordbank import Tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

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


def prompt_prefix(
    tokenizer: Tokenizer, bos: BosChoice, model_type: str, adds_bos: bool | None = None
) -> tuple[int, ...]:
    """The token ids that stand before every prompt; none where prompts begin with their text.

    Args:
        bos: ``auto``: what the tokenizer itself puts before a text; where it puts nothing, BOS for
            the families of ``TRAINED_WITH_BOS``. True and False override both.
        model_type: the family, as the checkpoint's configuration names it.
        adds_bos: what the checkpoint says itself, where it does (a GGUF file may); for ``auto`` it
            counts before both, because a converted tokenizer may have lost it.

    Raises:
        CircuitScalingError: BOS is asked for, and the tokenizer has none; ``bos`` is none of the
            three.
    """
    if not (isinstance(bos, bool) or bos == "auto"):
        raise CircuitScalingError(f"bos is 'auto', True or False, and not {bos!r}.")
    if bos is False:
        return ()
    own = _put_before_text(tokenizer)
    if bos == "auto" and adds_bos is False:
        return ()
    trained_with = adds_bos or model_type in TRAINED_WITH_BOS
    if bos == "auto" and (own or not trained_with):
        return own
    if tokenizer.bos_token_id is None:
        if bos == "auto":
            return ()
        raise CircuitScalingError(
            "The tokenizer has no BOS token: set 'bos: auto' or 'bos: false' for the model."
        )
    return (tokenizer.bos_token_id,)


def chat_prefix(tokenizer: PreTrainedTokenizerBase, said: str) -> tuple[int, ...]:
    """The token ids of a chat in which the user has said something and the assistant begins.

    Raises:
        CircuitScalingError: the tokenizer has no chat template.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise CircuitScalingError(
            "The tokenizer has no chat template: remove 'chat' from the roster entry."
        )
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": said}], add_generation_prompt=True, return_dict=False
    )
    return tuple(int(token) for token in ids)


def _put_before_text(tokenizer: Tokenizer) -> tuple[int, ...]:
    """The special tokens that the tokenizer adds in front of a text by its own rule."""
    bare = tokenizer.encode(_TEXT, add_special_tokens=False)
    whole = tokenizer.encode(_TEXT, add_special_tokens=True)
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return tuple(whole[:start])
    return ()
