"""Take a Hugging Face model apart, by the names that TransformerLens has for its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn
from transformer_lens.factories.architecture_adapter_factory import ArchitectureAdapterFactory
from transformer_lens.model_bridge.generalized_components import ParallelBlockBridge
from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_config_from_hf
from transformers import PreTrainedModel

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.anatomy import Anatomy, refusal
from circuit_scaling.interventions.replay.verify_architecture import verified
from circuit_scaling.models.opening import opening
from circuit_scaling.models.tensors import check_values

_TAIL = ("ln_final", "project_out")
_FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def anatomy_of(model: PreTrainedModel) -> Anatomy:
    """Take a causal language model apart, and prove that its parts fit together.

    Raises:
        CircuitScalingError: its weights are not finite; TransformerLens does not know the
            architecture; its parts do not follow the pattern that the engine replays.
    """
    if not isinstance(model, PreTrainedModel):
        raise CircuitScalingError(
            f"A {type(model).__name__} is no Hugging Face model. Give a folder, a hub id, or what "
            "AutoModelForCausalLM.from_pretrained returns."
        )
    architecture = type(model).__name__
    with opening(f"The engine cannot take the architecture {architecture}"):
        model.eval()
        check_values(model)
        return verified(_taken_apart(model, architecture))


def _taken_apart(model: PreTrainedModel, architecture: str) -> Anatomy:
    config = model.config
    try:
        bridge_config = build_bridge_config_from_hf(config, architecture, architecture, model.dtype)
        mapping = ArchitectureAdapterFactory.select_architecture_adapter(
            bridge_config
        ).component_mapping
    except ValueError as error:
        raise CircuitScalingError(
            f"TransformerLens does not know the architecture {architecture}; the engine cannot "
            "take it."
        ) from error
    if "blocks" not in mapping or "unembed" not in mapping:
        raise refusal(architecture, "it is not one stack of blocks before an unembedding")
    blocks_bridge = mapping["blocks"]
    if "attn" not in blocks_bridge.submodules:
        raise refusal(architecture, "its blocks have no attention")
    attention_name = blocks_bridge.submodules["attn"].name
    projection = blocks_bridge.submodules["attn"].submodules.get("o")
    if projection is None:
        raise refusal(architecture, "its attention has no output projection")
    blocks = list(model.get_submodule(blocks_bridge.name))
    for layer, block in enumerate(blocks):
        if not _has(block, attention_name):
            raise refusal(architecture, f"its layer {layer} has no attention")
    attentions = [block.get_submodule(attention_name) for block in blocks]
    projections = [attention.get_submodule(projection.name) for attention in attentions]
    _check_projections(architecture, projections)
    n_heads = int(bridge_config.n_heads)
    return Anatomy(
        model=model,
        architecture=architecture,
        blocks=blocks,
        attentions=attentions,
        projections=projections,
        tail=_tail(model, mapping),
        unembed=model.get_submodule(mapping["unembed"].name),
        logits=_logit_map(config),
        n_heads=n_heads,
        d_head=_width_in(projections[0]) // n_heads,
        parallel=isinstance(blocks_bridge, ParallelBlockBridge)
        and getattr(config, "use_parallel_residual", True),
    )


def _has(module: nn.Module, name: str) -> bool:
    return name in dict(module.named_modules())


def _check_projections(architecture: str, projections: list[nn.Module]) -> None:
    """Packed weights of a quantised model have neither the shape nor the values of a matrix."""
    for layer, projection in enumerate(projections):
        weight = getattr(projection, "weight", None)
        if not isinstance(weight, Tensor) or weight.ndim != 2 or weight.dtype not in _FLOATS:
            raise refusal(
                architecture,
                f"the output projection of layer {layer} is no matrix of plain numbers (is the "
                "model quantised? Load it dequantised)",
            )


def _tail(model: PreTrainedModel, mapping: Mapping[str, Any]) -> tuple[nn.Module, ...]:
    """Final norm and projection where a model has them; OPT may have neither, one or the other."""
    names = (mapping[part].name for part in _TAIL if part in mapping)
    found = (attrgetter(name)(model) for name in names)
    return tuple(module for module in found if module is not None)


def _logit_map(config: Any) -> Callable[[Tensor], Tensor]:
    """Logit scale and soft cap, where a family has them (Gemma 2, Cohere, Granite)."""
    scale = getattr(config, "logit_scale", None) or 1.0
    scale = scale / (getattr(config, "logits_scaling", None) or 1.0)
    cap = getattr(config, "final_logit_softcapping", None)

    def logits(unembedded: Tensor) -> Tensor:
        scaled = unembedded * scale if scale != 1.0 else unembedded
        return cap * torch.tanh(scaled / cap) if cap else scaled

    return logits


def _width_in(projection: nn.Module) -> int:
    weight: Tensor = projection.weight  # type: ignore[assignment]
    return int(weight.shape[1] if isinstance(projection, nn.Linear) else weight.shape[0])
