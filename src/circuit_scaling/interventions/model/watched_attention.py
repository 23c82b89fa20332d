"""A model's attention seen from inside: queries and keys as they meet, after rotary embedding.

Transformers lets an attention function be registered. The one of this module is called with what
the model's own would be called with, hands it to whoever watches, and answers what the model's own
answers. Masks are not built but described, so that no mask of all queries and all keys is ever
held: :class:`MaskRule` gives the rows that are asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import causal_mask_function

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.anatomy import Anatomy, refusal
from circuit_scaling.interventions.model.rounding import close, full_float32

_WATCHED = "circuit_scaling_watched"
# Scores of how many queries with all keys are held at a time, in numbers: 128 MiB in float32.
_SCORES = 2**25

Watcher = Callable[["Attended"], None]


@dataclass(frozen=True)
class MaskRule:
    """Which keys a query may see, as the model's own mask would say.

    Attributes:
        sees: from indices of batch, head, query and key to a boolean, by broadcasting.
        start: the position of the first query.
        queries, keys: how many there are; keys begin at position ``first_key``.
    """

    sees: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
    batch: int
    start: int
    queries: int
    first_key: int
    keys: int

    @property
    def plain(self) -> bool:
        """Whether it is causal and nothing else, over all positions or for the newest one."""
        whole = self.first_key == self.start == 0 and self.queries == self.keys
        return self.sees is causal_mask_function and (whole or self.queries == 1)

    def rows(self, queries: Tensor) -> Tensor:
        """Boolean rows [batch, 1, len(queries), keys] of some of the queries, counted from 0."""
        device = queries.device
        keys = torch.arange(self.keys, device=device) + self.first_key
        seen = self.sees(
            torch.arange(self.batch, device=device)[:, None, None, None],
            torch.zeros(1, dtype=torch.long, device=device)[None, :, None, None],
            (queries + self.start)[None, None, :, None],
            keys[None, None, None, :],
        )
        return seen.expand(self.batch, 1, len(queries), self.keys)


@dataclass(frozen=True)
class Attended:
    """One call of a model's attention.

    Attributes:
        layer: which block's.
        query: [batch, n_heads, queries, d_head], after rotary embedding, as ``key``.
        key, value: [batch, key-value heads, keys, d_head].
        mask: which keys a query may see.
        scaling: what the products of queries and keys are multiplied with.
        softcap: the bound of the scores, where a family has one (Gemma 2).
        output: z, [batch, queries, n_heads, d_head].
    """

    layer: int
    query: Tensor
    key: Tensor
    value: Tensor
    mask: MaskRule
    scaling: float
    softcap: float | None
    output: Tensor

    def rows(self, anatomy: Anatomy, queries: Tensor) -> Tensor:
        """Post-softmax attention of ``queries``, counted from 0: float32 [batch, n_heads, n, keys].

        Raises:
            CircuitScalingError: these rows times the values are not what the attention answered,
                or that is not finite.
        """
        with full_float32():
            scores = _grouped(self.query[:, :, queries].float(), self.key.float().mT)
            scores.mul_(self.scaling)
            if self.softcap is not None:
                scores.div_(self.softcap).tanh_().mul_(self.softcap)
            scores.masked_fill_(~self.mask.rows(queries), -torch.inf)
            rows = scores.softmax(dim=-1)
            z = _grouped(rows, self.value.float()).transpose(1, 2)
        answered = self.output[:, queries]
        if not answered.isfinite().all():
            raise CircuitScalingError(
                f"The attention of layer {self.layer} is not finite: the model's numbers overflow. "
                "Load its weights in another dtype (dtype: float32), or take another checkpoint."
            )
        if not close(z.to(answered.dtype), answered):
            raise refusal(
                anatomy.architecture,
                f"the attention of layer {self.layer} is not a masked softmax of products of "
                "queries and keys, times the values",
            )
        return rows


def _grouped(per_head: Tensor, shared: Tensor) -> Tensor:
    """Matrix products of heads with what each group of neighbouring heads shares.

    Args:
        per_head: [batch, n_heads, n, k].
        shared: [batch, groups, k, m].

    Returns:
        [batch, n_heads, n, m].
    """
    groups = shared.shape[1]
    stacked = per_head.unflatten(1, (groups, -1)).flatten(2, 3)
    products: Tensor = (stacked @ shared).unflatten(2, (-1, per_head.shape[2])).flatten(1, 2)
    return products


@contextmanager
def watching(anatomy: Anatomy, watcher: Watcher) -> Iterator[None]:
    """For a while, ``watcher`` is told of every attention that the model computes.

    Raises:
        CircuitScalingError: the model's attention cannot be reached.
    """
    model: Any = anatomy.model
    fused = model.config._attn_implementation
    AttentionInterface.register(_WATCHED, _attend)
    AttentionMaskInterface.register(_WATCHED, _describe)
    watched = [(layer, m) for layer, a in enumerate(anatomy.attentions) for m in a.modules()]
    for layer, module in watched:
        _WATCHES[module] = _Watch(layer, fused == "eager", watcher)
    try:
        model.set_attn_implementation(_WATCHED)
        if model.config._attn_implementation != _WATCHED:
            raise refusal(
                anatomy.architecture,
                "its attention is not computed by a function that can be exchanged, so that what "
                "its heads look at cannot be read at any length",
            )
        yield
    except (AttributeError, TypeError) as error:  # a mask that is only described was read
        raise refusal(anatomy.architecture, f"its attention cannot be watched ({error})") from error
    finally:
        model.set_attn_implementation(fused)
        for _, module in watched:
            _WATCHES.pop(module, None)


@dataclass(frozen=True)
class _Watch:
    """Who is told of one attention, and whether the model's own is the plain one."""

    layer: int
    eager: bool
    watcher: Watcher


_WATCHES: WeakKeyDictionary[nn.Module, _Watch] = WeakKeyDictionary()


def _describe(
    batch_size: int,
    q_length: int,
    kv_length: int,
    q_offset: int = 0,
    kv_offset: int = 0,
    mask_function: Callable[..., Tensor] = causal_mask_function,
    **_: Any,
) -> MaskRule:
    """In the place of a mask, what it would say; nothing is ever padded here."""
    return MaskRule(mask_function, batch_size, q_offset, q_length, kv_offset, kv_length)


def _attend(  # noqa: PLR0913  the signature is transformers'
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: MaskRule,
    scaling: float | None = None,
    softcap: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """What the model's own attention answers, after the watcher was told."""
    watch = _WATCHES.get(module)
    if watch is None:
        raise refusal(type(module).__name__, "attention is computed outside of its blocks")
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    kwargs |= {"scaling": scaling, "softcap": softcap}
    own = _eager_of(module) if watch.eager else AttentionInterface()["sdpa"]
    n_queries = query.shape[2]
    if attention_mask.plain and not watch.eager:
        output, _ = own(module, query, key, value, None, **kwargs)
    else:
        at_once = max(1, _SCORES // (query.shape[0] * query.shape[1] * key.shape[2]))
        parts = []
        for chosen in torch.arange(n_queries, device=query.device).split(at_once):
            mask = attention_mask.rows(chosen)
            if watch.eager:
                lowest = torch.finfo(query.dtype).min
                mask = torch.where(mask, 0.0, lowest).to(query.dtype)
            part, _ = own(module, query[:, :, chosen], key, value, mask, **kwargs)
            parts.append(part)
        output = torch.cat(parts, dim=1)
    watch.watcher(
        Attended(watch.layer, query, key, value, attention_mask, scaling, softcap, output)
    )
    return output, None


def _eager_of(module: nn.Module) -> Callable[..., Any]:
    """The plain attention of a family; every family that can be watched has one by this name."""
    own: Callable[..., Any] = sys.modules[type(module).__module__].eager_attention_forward
    return own
