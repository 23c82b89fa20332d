"""Whether a checkpoint's configuration is of a kind that can be scanned, and as the roster says."""

from __future__ import annotations

from typing import Any

from transformer_lens.model_bridge.sources._hf_format import determine_architecture_from_hf_config
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.anatomy import refusal
from circuit_scaling.models.roster import RosterEntry

_ATTENTION = frozenset({"full_attention", "sliding_attention", "chunked_attention", "attention"})


def checked_architecture(entry: RosterEntry, config: Any) -> str:
    """The architecture that the configuration names, if its shape is that of the roster.

    Raises:
        CircuitScalingError: it is not, or of no kind that can be scanned.
    """
    architecture = check_kind(entry.slug, config)
    wanted = {"layers": entry.n_layers, "heads": entry.n_heads}
    found = {"layers": config.num_hidden_layers, "heads": config.num_attention_heads}
    if entry.d_model is not None:
        wanted["d_model"], found["d_model"] = entry.d_model, config.hidden_size
    if wanted != found:
        raise CircuitScalingError(
            f"Model '{entry.slug}': the roster says {_shape(wanted)}; the checkpoint has "
            f"{_shape(found)}. Correct the roster entry."
        )
    return architecture


def check_kind(slug: str, config: Any) -> str:
    """The architecture that the configuration names, if it is of the kind that can be scanned.

    Raises:
        CircuitScalingError: TransformerLens does not know it, it is no causal language model, or
            its layers are not all attention.
    """
    try:
        architecture: str = determine_architecture_from_hf_config(config)
    except ValueError as error:
        raise CircuitScalingError(
            f"Model '{slug}': TransformerLens does not know its architecture "
            f"({config.model_type}); the engine cannot take it."
        ) from error
    why = of_another_kind(config)
    loaded = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(config.model_type, "")
    if not why and architecture not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values():
        why = "it is no causal language model"
    elif not why and not _of_the_family(loaded, config.architectures):
        why = f"its code is its own, and what would be loaded is a {loaded}"
    if why:
        raise CircuitScalingError(f"Model '{slug}': {refusal(architecture, why).message}")
    return architecture


def _of_the_family(loaded: str, named: list[str] | None) -> bool:
    """Whether a class is of the family of those that a checkpoint names, if it names any."""
    family = loaded.removesuffix("ForCausalLM").removesuffix("LMHeadModel")
    return not named or any(name.startswith(family) for name in named)


def of_another_kind(config: Any) -> str:
    """What a model is beside a stack of blocks with attention; nothing for a decoder of text."""
    if getattr(config, "is_encoder_decoder", False):
        return "it has an encoder and a decoder"
    if hasattr(config, "vision_config") or hasattr(config, "audio_config"):
        return "it reads pictures or sound beside text"
    if not hasattr(config, "num_attention_heads"):
        return "it has no attention heads"
    other = sorted(set(getattr(config, "layer_types", None) or ()) - _ATTENTION)
    return f"some of its layers are no attention ({', '.join(other)})" if other else ""


def _shape(sizes: dict[str, int]) -> str:
    return ", ".join(f"{size} {what}" for what, size in sizes.items())
