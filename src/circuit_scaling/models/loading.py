"""Load checkpoints through TransformerLens, which knows the classes of some 160 architectures."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from huggingface_hub import ResolvedRevision
from safetensors import SafetensorError, safe_open
from transformer_lens.model_bridge.sources._hf_format import determine_architecture_from_hf_config
from transformer_lens.model_bridge.sources.transformers.helpers import (
    get_hf_model_class_for_architecture,
)
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils.hub import resolve_revision
from transformers.utils.logging import disable_progress_bar

from circuit_scaling.errors import CircuitScalingError, reason_of
from circuit_scaling.interventions.model.anatomy import Anatomy, refusal
from circuit_scaling.interventions.model.device import Precision
from circuit_scaling.models.architecture import anatomy_of
from circuit_scaling.models.bos import BosChoice, prompt_prefix
from circuit_scaling.models.opening import opening
from circuit_scaling.models.roster import RosterEntry, checkpoint_folder
from circuit_scaling.models.tensors import check_tensors

disable_progress_bar()  # a bar per checkpoint is noise among the project's own
_COMMIT = re.compile("[0-9a-f]{40}")
_ATTENTION = frozenset({"full_attention", "sliding_attention", "chunked_attention", "attention"})


@dataclass(frozen=True)
class LoadedTokenizer:
    """What a model reads.

    Attributes:
        tokenizer: of the checkpoint.
        prefix: token ids before every prompt: BOS or nothing.
        commit: what was loaded from a hub; empty for a folder and for a model in memory.
    """

    tokenizer: PreTrainedTokenizerBase
    prefix: tuple[int, ...]
    commit: str = ""


@dataclass(frozen=True)
class LoadedModel:
    """A model ready for the engine, with what it reads."""

    anatomy: Anatomy
    reads: LoadedTokenizer


def load_model(entry: RosterEntry, precision: Precision = "float32", commit: str = "") -> Anatomy:
    """Load the weights of a roster entry once, taken apart and checked against the roster.

    The weights are Hugging Face's own, with fused attention; TransformerLens says which class
    loads them and what the parts are called. No folding and no centring: a head's z, and so what
    zero means, is that of the checkpoint.

    Args:
        commit: of a hub model, the one that its prompts were made for; else the revision's own.

    Raises:
        CircuitScalingError: no such checkpoint, no model in it, tensors that are not those of the
            model, an architecture that the engine cannot take, a device that is not there, or
            layers and heads that do not fit the roster.
    """
    source, revision = _source(entry, commit)
    device = _device(entry)
    architecture = _checked_architecture(entry, _config(entry, commit))
    with opening(f"Model '{entry.slug}' cannot be loaded from '{source}'"):
        try:
            model, report = get_hf_model_class_for_architecture(architecture).from_pretrained(
                source,
                revision=revision,
                dtype=torch.bfloat16 if precision == "bf16" else getattr(torch, entry.dtype),
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are refused below, by name
            )
        except SafetensorError as error:
            raise CircuitScalingError(_damaged(entry.slug, Path(source), error)) from error
        check_tensors(entry.slug, source, model, report)
        model.to(device)
    return anatomy_of(model)


def load_tokenizer(entry: RosterEntry, commit: str = "") -> LoadedTokenizer:
    """What a roster entry reads, without its weights.

    Raises:
        CircuitScalingError: what can be seen without the weights is wrong already: no such
            checkpoint, an unknown architecture, layers and heads that do not fit the roster; a
            device that is not there; no tokenizer, or one without the BOS token that it should put.
    """
    commit = commit or _commit(entry)
    config = _config(entry, commit)
    _checked_architecture(entry, config)
    _device(entry)
    source, revision = _source(entry, commit)
    tokenizer = _load(
        f"The tokenizer of '{entry.slug}'", source, AutoTokenizer.from_pretrained, revision=revision
    )
    if not tokenizer.encode("When", add_special_tokens=False):  # made without its files
        raise CircuitScalingError(
            f"The tokenizer of '{entry.slug}' in '{source}' makes no tokens of a text: its files "
            f"are missing, or are not those of a {type(tokenizer).__name__}, as which it is "
            "loaded. Save it beside the weights with save_pretrained."
        )
    prefix = prompt_prefix(tokenizer, entry.bos, config.model_type)
    return LoadedTokenizer(tokenizer, prefix, commit)


def load_any(
    model: str | Path | PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase | None = None,
    bos: BosChoice = "auto",
) -> LoadedModel:
    """A model that is in no roster: a hub id, a local folder, or one in memory with its tokenizer.

    Raises:
        CircuitScalingError: there is no such model, its tokenizer is missing, or the engine cannot
            take it.
    """
    if not isinstance(model, str | Path):
        return _in_memory(model, tokenizer, bos)
    slug, source = Path(model).name, str(model)
    config = _load(f"Model '{slug}'", source, AutoConfig.from_pretrained)
    folder, hub = (source, None) if Path(model).is_dir() else (None, source)
    _check_kind(slug, config)
    with opening(f"Model '{slug}' cannot be loaded from '{source}'"):
        entry = RosterEntry(
            slug=slug,
            family="",
            folder=folder,
            hub=hub,
            params_m=1.0,
            n_layers=config.num_hidden_layers,
            n_heads=config.num_attention_heads,
            bos=bos,
        )
    reads = load_tokenizer(entry)
    return LoadedModel(load_model(entry, commit=reads.commit), reads)


def _source(entry: RosterEntry, commit: str) -> tuple[str, str | None]:
    if entry.folder is not None:
        folder = checkpoint_folder(entry)
        _check_files(folder)
        return str(folder), None
    if Path(str(entry.hub)).exists():
        raise CircuitScalingError(
            f"'{entry.hub}' is a hub id, and a file or folder of that name is in '{Path.cwd()}', "
            "which would be read in its place. Give it as 'folder', or run somewhere else."
        )
    return str(entry.hub), commit or entry.revision


def _check_files(folder: Path) -> None:
    """Refuse a folder that says two things about its weights.

    Raises:
        CircuitScalingError: it holds an adapter beside the weights, or one file and shards.
    """
    if (folder / "adapter_config.json").exists():
        raise CircuitScalingError(
            f"'{folder}' holds an adapter (adapter_config.json), which is not applied. Merge it "
            "into the weights, and save the merged model."
        )
    for file, shards in (
        ("model.safetensors", "model.safetensors.index.json"),
        ("pytorch_model.bin", "pytorch_model.bin.index.json"),
    ):
        if (folder / file).exists() and (folder / shards).exists():
            raise CircuitScalingError(
                f"'{folder}' has its weights twice: as {file}, and in the parts that {shards} "
                "lists. Remove those that are not meant."
            )


def _in_memory(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase | None, bos: BosChoice
) -> LoadedModel:
    if isinstance(model, PreTrainedModel):
        if not isinstance(tokenizer, PreTrainedTokenizerBase):
            raise CircuitScalingError(
                "Give the tokenizer of the model as well, as AutoTokenizer.from_pretrained "
                "returns it: tokenizer=..."
            )
        if why := _of_another_kind(model.config):
            raise refusal(type(model).__name__, why)
    anatomy = anatomy_of(model)  # refuses what is no model
    reads = cast(PreTrainedTokenizerBase, tokenizer)
    prefix = prompt_prefix(reads, bos, model.config.model_type)
    return LoadedModel(anatomy, LoadedTokenizer(reads, prefix))


def _commit(entry: RosterEntry) -> str:
    """The commit that a hub entry's revision stands for now, on the hub or in its cache.

    Empty for a folder, and where neither knows the repository: loading says that better.
    """
    if entry.revision and _COMMIT.fullmatch(entry.revision):
        return entry.revision
    for cache_only in (False, True):
        found = resolve_revision(entry.hub, entry.revision, local_files_only=cache_only)
        if isinstance(found, ResolvedRevision):
            return str(found.resolved)
    return ""


def _config(entry: RosterEntry, commit: str) -> Any:
    source, revision = _source(entry, commit)
    return _load(f"Model '{entry.slug}'", source, AutoConfig.from_pretrained, revision=revision)


def _load(what: str, source: str, loader: Callable[..., Any], **options: Any) -> Any:
    with opening(f"{what} cannot be loaded from '{source}'"):
        return loader(source, trust_remote_code=False, **options)


def _damaged(slug: str, folder: Path, error: SafetensorError) -> str:
    """The message for a safetensors file that cannot be read, with its name."""
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, "pt"):
                pass
        except SafetensorError as of_file:
            return (
                f"Model '{slug}' cannot be loaded: '{file}' is damaged or no safetensors file "
                f"({reason_of(of_file)}). Copy or download it again."
            )
    return f"Model '{slug}' cannot be loaded from '{folder}': {reason_of(error)}"


def _checked_architecture(entry: RosterEntry, config: Any) -> str:
    """The architecture that the configuration names, if its shape is that of the roster."""
    architecture = _check_kind(entry.slug, config)
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


def _check_kind(slug: str, config: Any) -> str:
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
    why = _of_another_kind(config)
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


def _of_another_kind(config: Any) -> str:
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


def _device(entry: RosterEntry) -> torch.device:
    """The device of an entry, if it is there."""
    wanted = entry.device
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with opening(
        f"Model '{entry.slug}': the device '{wanted}' is not there (auto, cpu, cuda, cuda:0 …)"
    ):
        device = torch.device(wanted)
        torch.zeros(1, device=device).item()  # the name alone does not say that it is there
    return device
