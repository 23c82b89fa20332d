"""The plain way to patch and ablate heads: one hooked TransformerLens run for every question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from circuit_scaling.interventions.operations.path_patching import Channel, Receiver
from circuit_scaling.interventions.replay.pairs import Direction, Head, Pairs, Part
from tests.helpers.hook_oracle import Floats, HookOracle, Prompts, measure

Hook = tuple[str, Callable[..., Tensor]]
CHANNELS: tuple[Channel, ...] = ("q", "k", "v")


class PatchingOracle:
    """Patching, sets of heads, direct effects, path patching and attention, by hooks alone."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self.model = model  # untouched: the bridge rewires a copy
        self.hooked = HookOracle(model, tokenizer)
        self.layers, self.heads = self.hooked.layers, self.hooked.heads

    @property
    def norm(self) -> nn.Module:
        """The norm before the unembedding."""
        norm: nn.Module = self.hooked.bridge.ln_final.original_component
        return norm

    def every_head(self) -> list[Head]:
        """All heads in the order of the tables."""
        return [(layer, head) for layer in range(self.layers) for head in range(self.heads)]

    # --- Runs ------------------------------------------------------------------------------

    @torch.no_grad()
    def run(
        self, tokens: NDArray[np.int64], hooks: Sequence[Hook] = (), read: Sequence[str] = ()
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits, [prompts, pos, vocabulary], of a run with ``hooks``, and the activations asked
        for as they are after the hooks."""
        found: dict[str, Tensor] = {}

        def keep(name: str, value: Tensor, hook: object) -> None:
            found[name] = value.detach().clone()

        readers = [(name, partial(keep, name)) for name in read]
        logits: Tensor = self.hooked.bridge.run_with_hooks(
            torch.as_tensor(tokens), fwd_hooks=[*hooks, *readers]
        )
        return logits, found

    def contrast(self, pairs: Pairs, tokens: NDArray[np.int64], hooks: Sequence[Hook]) -> Floats:
        """m of a run with ``hooks``, in float64, [pairs]."""
        return _contrast(pairs, self.run(tokens, hooks)[0])

    # --- Patching --------------------------------------------------------------------------

    def new_z(self, pairs: Pairs, head: Head, direction: Direction, part: Part) -> Tensor:
        """What a head's z is patched with, [pairs, pos, d]."""
        layer, index = head
        if part == "z":
            name = _z(layer)
            return self.run(pairs.source(direction), read=[name])[1][name][:, :, index]
        values = f"blocks.{layer}.attn.hook_v"
        source = self.run(pairs.source(direction), read=[values])[1][values]
        _, found = self.run(pairs.base(direction), hooks=[(values, _put(source))], read=[_z(layer)])
        return found[_z(layer)][:, :, index]

    def total(
        self, pairs: Pairs, heads: Sequence[Head], direction: Direction, part: Part = "z"
    ) -> Floats:
        """m(patched) - m(base) with all of ``heads`` patched together, [pairs]."""
        base = pairs.base(direction)
        new = {head: self.new_z(pairs, head, direction, part) for head in heads}
        return self.contrast(pairs, base, put_z(new)) - self.contrast(pairs, base, ())

    def direct(self, pairs: Pairs, head: Head, direction: Direction, part: Part = "z") -> Floats:
        """(z' - z) W_O, at the end, through the final norm of the base run and to the logits.

        [pairs]; for models that norm before their blocks.
        """
        base, out = pairs.base(direction), f"blocks.{head[0]}.hook_attn_out"
        new = {head: self.new_z(pairs, head, direction, part)}
        _, before = self.run(base, read=[out, "ln_final.hook_in"])
        _, after = self.run(base, hooks=put_z(new), read=[out])
        config = self.model.config
        change = (after[out] - before[out])[:, -1].double()
        change *= getattr(config, "residual_multiplier", 1.0)

        hidden = frozen_norm(self.norm, before["ln_final.hook_in"][:, -1].double(), change)
        logits = hidden @ self.model.get_output_embeddings().weight.double().T
        logits *= getattr(config, "logit_scale", 1.0) / getattr(config, "logits_scaling", 1.0)
        return _contrast(pairs, logits.detach()[:, None])

    # --- Path patching ---------------------------------------------------------------------

    def received(self, pairs: Pairs, sender: Head) -> tuple[dict[Receiver, Tensor], Tensor]:
        """Along every path from ``sender`` in the clean run: the receiver's z, and the logits.

        A run over the clean prompts with the sender's z from the corrupt run and every other z
        from the clean run gives what each receiver gets and the logits. A receiver's q, k or v,
        put into the clean run, gives its z, [pairs, pos, d].
        """
        names = [_z(layer) for layer in range(self.layers)]
        _, frozen = self.run(pairs.clean, read=names)
        frozen[_z(sender[0])][:, :, sender[1]] = self.new_z(pairs, sender, "noising", "z")
        later = range(sender[0] + 1, self.layers)
        inputs = {(layer, c): f"blocks.{layer}.attn.hook_{c}" for layer in later for c in CHANNELS}
        hooks = [(name, _put(z)) for name, z in frozen.items()]
        logits, new = self.run(pairs.clean, hooks, read=list(inputs.values()))
        found = {}
        for (layer, channel), name in inputs.items():
            _, run = self.run(pairs.clean, hooks=[(name, _put(new[name]))], read=[_z(layer)])
            for head in range(self.heads):
                found[Receiver(layer, head, channel)] = run[_z(layer)][:, :, head]
        return found, logits

    def paths(self, pairs: Pairs, sender: Head) -> tuple[dict[Receiver, Floats], Floats]:
        """Effects, [pairs], of every path from ``sender``: to later heads, and to the logits.

        A receiver's z goes into the clean run for that head alone, also where several share keys.
        """
        clean = self.contrast(pairs, pairs.clean, ())
        received, logits = self.received(pairs, sender)
        effects = {
            receiver: self.contrast(
                pairs, pairs.clean, put_z({(receiver.layer, receiver.head): new})
            )
            - clean
            for receiver, new in received.items()
        }
        return effects, _contrast(pairs, logits) - clean

    def estimates(self, pairs: Pairs, sender: Head) -> dict[Receiver, Floats]:
        """The gradient of m with respect to the receiver's z times its change, [pairs]."""
        clean, slopes = self._z_and_slopes(pairs)
        return {
            receiver: _times(
                slopes[receiver.layer][:, :, receiver.head],
                new - clean[receiver.layer][:, :, receiver.head],
            )
            for receiver, new in self.received(pairs, sender)[0].items()
        }

    def _z_and_slopes(self, pairs: Pairs) -> tuple[list[Tensor], list[Tensor]]:
        """z of the clean run and dm/dz, per layer [pairs, pos, heads, d]."""
        clean: dict[int, Tensor] = {}

        def nudge(layer: int, z: Tensor, hook: Any) -> Tensor:
            clean[layer] = z.detach().clone().requires_grad_()
            # The run goes on through z, and its slope arrives at the copy.
            return z + clean[layer] - clean[layer].detach()

        with torch.enable_grad():
            logits: Tensor = self.hooked.bridge.run_with_hooks(
                torch.as_tensor(pairs.clean),
                fwd_hooks=[(_z(layer), partial(nudge, layer)) for layer in range(self.layers)],
            )
            rows = zip(logits[:, -1], pairs.answers, pairs.distractors, strict=True)
            m = torch.stack([row[list(a)].mean() - row[list(d)].mean() for row, a, d in rows])
            z = [clean[layer] for layer in range(self.layers)]
            slopes = torch.autograd.grad(m.sum(), z)  # pairs do not see one another
        return [one.detach() for one in z], list(slopes)

    # --- Sets and attention ----------------------------------------------------------------

    def ablated(
        self,
        prompts: Prompts,
        heads: Sequence[Head],
        mode: str,
        positions: str,
        donors: NDArray[np.int64] | None = None,
    ) -> dict[str, Floats]:
        """Every readout with ``heads`` ablated together, the mean over draws, [prompts]."""
        clean = self.hooked.logits(prompts.tokens)
        draws = []
        for new_z in self.hooked.replacements(prompts, mode, donors):
            new = {(layer, head): new_z[layer][:, :, head] for layer, head in heads}
            logits, _ = self.run(prompts.tokens, put_z(new, positions))
            draws.append(measure(prompts, logits, clean))
        return {name: np.mean([draw[name] for draw in draws], axis=0) for name in prompts.readouts}

    def attention(self, tokens: NDArray[np.int64], head: Head) -> Floats:
        """Attention of a head from the last position, [prompts, pos]."""
        name = f"blocks.{head[0]}.attn.hook_pattern"
        pattern: Tensor = self.run(tokens, read=[name])[1][name]
        return pattern[:, head[1], -1].double().numpy()


def frozen_norm(norm: nn.Module, residual: Tensor, change: Tensor) -> Tensor:
    """The linear part of a norm that keeps the scale it has on ``residual``, of ``change``.

    Centred where the norm centres, divided by what it divides ``residual`` by, times the gain.
    """
    gain = norm.weight.double() + ("Gemma" in type(norm).__name__)  # Gemma stores gain - 1
    epsilon = getattr(norm, "eps", None) or norm.variance_epsilon
    if "RMS" not in type(norm).__name__:
        residual = residual - residual.mean(-1, keepdim=True)
        change = change - change.mean(-1, keepdim=True)
    return gain * change / ((residual**2).mean(-1, keepdim=True) + epsilon) ** 0.5


def _contrast(pairs: Pairs, logits: Tensor) -> Floats:
    last = logits[:, -1].double().numpy()
    rows = zip(last, pairs.answers, pairs.distractors, strict=True)
    return np.array([row[list(a)].mean() - row[list(d)].mean() for row, a, d in rows])


def _z(layer: int) -> str:
    return f"blocks.{layer}.attn.hook_z"


def _times(slope: Tensor, change: Tensor) -> Floats:
    product: Floats = (slope.double() * change.double()).sum((1, 2)).numpy()
    return product


def _put(new: Tensor) -> Callable[..., Tensor]:
    """A hook that replaces an activation by ``new``."""

    def replace(value: Tensor, hook: Any) -> Tensor:
        assert value.shape == new.shape
        return new

    return replace


def put_z(new: Mapping[Head, Tensor], positions: str = "all") -> list[Hook]:
    """Hooks that replace the z of some heads, [prompts, pos, d] each, everywhere or at the end."""

    def replace(layer: int, z: Tensor, hook: Any) -> Tensor:
        z = z.clone()
        for (changed, head), value in new.items():
            if changed == layer:
                where = slice(-1 if positions == "end" else None, None)
                z[:, where, head] = value[:, where]
        return z

    return [(_z(layer), partial(replace, layer)) for layer in sorted({layer for layer, _ in new})]
