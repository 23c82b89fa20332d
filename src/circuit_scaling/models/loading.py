"""Load checkpoints through TransformerLens, which names the parts of some 160 architectures."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformer_lens.factories.architecture_adapter_factory import ArchitectureAdapterFactory
from transformer_lens.model_bridge.generalized_components import ParallelBlockBridge
from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_config_from_hf
from transformer_lens.model_bridge.sources._hf_format import determine_architecture_from_hf_config
from transformer_lens.model_bridge.sources.transformers.helpers import (
    get_hf_model_class_for_architecture,
)
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.anatomy import Anatomy
from circuit_scaling.interventions.device import Precision
from circuit_scaling.interventions.verify import verified
from circuit_scaling.models.roster import RosterEntry, checkpoint_folder

disable_progress_bar()  # a bar per checkpoint is noise among the project's own
_TAIL = ("ln_final", "project_out")


@dataclass(frozen=True)
class LoadedModel:
    """A model ready for the engine, with its tokenizer."""

    anatomy: Anatomy
    tokenizer: PreTrainedTokenizerBase


def load_model(slug: str, entry: RosterEntry, precision: Precision = "float32") -> LoadedModel:
    """Load a roster entry: its weights once, taken apart and checked against the roster.

    The weights are Hugging Face's own, with fused attention; TransformerLens says which class
    loads them and what the parts are called. No folding and no centring: a head's z, and so what
    zero means, is that of the checkpoint.

    Raises:
        CircuitScalingError: no such checkpoint, no model in it, an architecture that the engine
            cannot take, or layers and heads that do not fit the roster.
    """
    source, revision = _source(entry)
    architecture = _checked_architecture(slug, entry)
    model = _load(
        slug,
        source,
        get_hf_model_class_for_architecture(architecture).from_pretrained,
        revision=revision,
        dtype=torch.bfloat16 if precision == "bf16" else getattr(torch, entry.dtype),
    )
    model.to(_device(entry.device))
    return LoadedModel(anatomy_of(model), load_tokenizer(slug, entry))


def load_any(
    model: str | PreTrainedModel, tokenizer: PreTrainedTokenizerBase | None = None
) -> LoadedModel:
    """A model that is in no roster: a hub id, a local folder, or one in memory with its tokenizer.

    Raises:
        CircuitScalingError: there is no such model, its tokenizer is missing, or the engine cannot
            take it.
    """
    if not isinstance(model, str):
        if tokenizer is None:
            raise CircuitScalingError("Give the tokenizer of the model as well: tokenizer=...")
        return LoadedModel(anatomy_of(model), tokenizer)
    config = _load(model, model, AutoConfig.from_pretrained)
    folder, hub = (model, None) if Path(model).is_dir() else (None, model)
    entry = RosterEntry(
        family="",
        folder=folder,
        hub=hub,
        params_m=1.0,
        n_layers=config.num_hidden_layers,
        n_heads=config.num_attention_heads,
    )
    return load_model(model, entry)


def load_tokenizer(slug: str, entry: RosterEntry) -> PreTrainedTokenizerBase:
    """The tokenizer of a roster entry, without its weights.

    Raises:
        CircuitScalingError: what can be seen without the weights is wrong already: no such
            checkpoint, an unknown architecture, layers and heads that do not fit the roster.
    """
    source, revision = _source(entry)
    _checked_architecture(slug, entry)
    tokenizer: PreTrainedTokenizerBase = _load(
        slug, source, AutoTokenizer.from_pretrained, revision=revision
    )
    return tokenizer


def anatomy_of(model: PreTrainedModel) -> Anatomy:
    """Take a Hugging Face causal language model apart, by TransformerLens's names.

    Raises:
        CircuitScalingError: TransformerLens does not know the architecture, or its parts do not
            follow the pattern that the engine replays.
    """
    model.eval()
    config = model.config
    architecture = type(model).__name__
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
    blocks_bridge = mapping["blocks"]
    attention_name = blocks_bridge.submodules["attn"].name
    projection = blocks_bridge.submodules["attn"].submodules.get("o")
    if projection is None:
        raise CircuitScalingError(
            f"The engine cannot take the architecture {architecture}: its attention has no output "
            "projection."
        )
    blocks = list(model.get_submodule(blocks_bridge.name))
    attentions = [block.get_submodule(attention_name) for block in blocks]
    projections = [attention.get_submodule(projection.name) for attention in attentions]
    n_heads = int(bridge_config.n_heads)
    return verified(
        Anatomy(
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
    )


def _tail(model: PreTrainedModel, mapping: Any) -> tuple[nn.Module, ...]:
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


def _source(entry: RosterEntry) -> tuple[str, str | None]:
    if entry.folder is not None:
        return str(checkpoint_folder(entry)), None
    return str(entry.hub), entry.revision


def _load(slug: str, source: str, loader: Callable[..., Any], **options: Any) -> Any:
    """Call a Hugging Face loader; what it complains about becomes one line."""
    try:
        with redirect_stdout(None):
            return loader(source, **options)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CircuitScalingError(
            f"Model '{slug}' cannot be loaded from '{source}': {reason}"
        ) from error


def _checked_architecture(slug: str, entry: RosterEntry) -> str:
    """The architecture that the configuration names, if its shape is that of the roster."""
    source, revision = _source(entry)
    config = _load(slug, source, AutoConfig.from_pretrained, revision=revision)
    wanted = {"layers": entry.n_layers, "heads": entry.n_heads}
    found = {"layers": config.num_hidden_layers, "heads": config.num_attention_heads}
    if entry.d_model is not None:
        wanted["d_model"], found["d_model"] = entry.d_model, config.hidden_size
    if wanted != found:
        raise CircuitScalingError(
            f"Model '{slug}': the roster says {_shape(wanted)}; the checkpoint has "
            f"{_shape(found)}. Correct the roster entry."
        )
    try:
        architecture: str = determine_architecture_from_hf_config(config)
    except ValueError as error:
        raise CircuitScalingError(
            f"Model '{slug}': TransformerLens does not know its architecture "
            f"({config.model_type}); the engine cannot take it."
        ) from error
    return architecture


def _shape(sizes: dict[str, int]) -> str:
    return ", ".join(f"{size} {what}" for what, size in sizes.items())


def _device(wanted: str) -> torch.device:
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wanted)
