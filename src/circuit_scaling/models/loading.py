"""Load checkpoints through TransformerLens, which knows the classes of some 160 architectures."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from transformer_lens.model_bridge.sources.transformers.helpers import (
    get_hf_model_class_for_architecture,
)
from transformers import (
    AutoConfig,
    AutoTokenizer,
    GgufConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils.hub import cached_file
from transformers.utils.logging import disable_progress_bar

from circuit_scaling.errors import CircuitScalingError, reason_of
from circuit_scaling.interventions.model.anatomy import Anatomy, context_of, refusal
from circuit_scaling.interventions.model.device import Precision
from circuit_scaling.models.architecture import anatomy_of
from circuit_scaling.models.bos import BosChoice, chat_prefix, prompt_prefix
from circuit_scaling.models.consent import (
    check_code,
    check_pickles,
    how_to_load,
    without_safetensors,
)
from circuit_scaling.models.device import device_of
from circuit_scaling.models.gguf_files import GgufFacts, forget, gguf_facts, read_once
from circuit_scaling.models.hub import present_commit
from circuit_scaling.models.kinds import check_kind, checked_architecture, of_another_kind
from circuit_scaling.models.opening import opening
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.sense import check_sense
from circuit_scaling.models.sources import check_hub_id, local_folder
from circuit_scaling.models.tensors import check_tensors

disable_progress_bar()  # a bar per checkpoint is noise among the project's own


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
class _Source:
    """What Hugging Face's loaders are told of where a checkpoint is."""

    place: str
    options: dict[str, Any]


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
        CircuitScalingError: no such checkpoint, no model in it, pickles or code without consent,
            tensors that are not those of the model, weights that are noise, an architecture that
            the engine cannot take, a device that is not there, or layers and heads that do not fit
            the roster.
    """
    source = _source(entry, commit)
    device = device_of(entry)
    architecture = checked_architecture(entry, _config(entry, commit))
    unpacked = {"quantization_config": GgufConfig(dequantize=True)} if entry.gguf else {}
    with opening(f"Model '{entry.slug}' cannot be loaded from '{entry.source}'"), _reading(entry):
        try:
            model, report = get_hf_model_class_for_architecture(architecture).from_pretrained(
                source.place,
                dtype=torch.bfloat16 if precision == "bf16" else getattr(torch, entry.dtype),
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are refused below, by name
                **how_to_load(entry),
                **source.options,
                **unpacked,
            )
        except SafetensorError as error:
            raise CircuitScalingError(_damaged(entry.slug, Path(source.place), error)) from error
        except OSError as error:
            if entry.hub and not entry.pickled and "safetensors" in str(error):
                raise without_safetensors(entry) from error
            raise
        check_tensors(entry.slug, entry.source, model, report)
        model.to(device)
    anatomy = anatomy_of(model)
    if not entry.untrained:
        reads = load_tokenizer(entry, commit)
        check_sense(entry.slug, model, reads.tokenizer, reads.prefix)
    forget()
    return anatomy


def load_tokenizer(entry: RosterEntry, commit: str = "") -> LoadedTokenizer:
    """What a roster entry reads, without its weights.

    Raises:
        CircuitScalingError: what can be seen without the weights is wrong already: no such
            checkpoint, an unknown architecture, layers and heads that do not fit the roster; a
            device that is not there; no tokenizer, or one without the BOS token that it should put.
    """
    commit = commit or present_commit(entry)
    config = _config(entry, commit)
    checked_architecture(entry, config)
    device_of(entry)
    tokenizer = _load(
        f"The tokenizer of '{entry.slug}'", entry, commit, AutoTokenizer.from_pretrained
    )
    if not tokenizer.encode("When", add_special_tokens=False):  # made without its files
        raise CircuitScalingError(
            f"The tokenizer of '{entry.slug}' in '{entry.source}' makes no tokens of a text: its "
            f"files are missing, or are not those of a {type(tokenizer).__name__}, as which it is "
            "loaded. Save it beside the weights with save_pretrained."
        )
    if entry.chat is not None:
        return LoadedTokenizer(tokenizer, chat_prefix(tokenizer, entry.chat), commit)
    facts = facts_of(entry, commit)
    prefix = prompt_prefix(
        tokenizer, entry.bos, config.model_type, facts.adds_bos if facts else None
    )
    return LoadedTokenizer(tokenizer, prefix, commit)


def named_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """A tokenizer by itself: that of a folder, else of a hub id.

    Raises:
        CircuitScalingError: it cannot be loaded.
    """
    with opening(f"The tokenizer '{name}' of token_ids_of cannot be loaded"):
        return AutoTokenizer.from_pretrained(Path(name).expanduser())


def context_of_model(entry: RosterEntry, commit: str) -> int | None:
    """Longest prompt that a roster entry can read, where its configuration says so.

    Args:
        commit: of a hub model; empty for a folder.

    Raises:
        CircuitScalingError: there is no such checkpoint.
    """
    return context_of(_config(entry, commit))


def weights_of(entry: RosterEntry, precision: Precision, commit: str = "") -> str:
    """The dtype of a loaded model's weights, and how they were quantised before, for people."""
    dtype = "bfloat16" if precision == "bf16" else entry.dtype
    facts = facts_of(entry, commit)
    if facts is None or not facts.quantisation:
        return dtype
    return f"{facts.quantisation}, dequantised to {dtype}"


def facts_of(entry: RosterEntry, commit: str = "") -> GgufFacts | None:
    """What the entry's GGUF file says of itself; None where it has none.

    Raises:
        CircuitScalingError: there is no such file, or it cannot be read.
    """
    if entry.gguf is None:
        return None
    source = _source(entry, commit)
    with opening(f"'{entry.source}' cannot be read"):
        revision = source.options.get("revision")
        return gguf_facts(Path(str(cached_file(source.place, entry.gguf, revision=revision))))


def load_any(
    model: str | Path | PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase | None = None,
    bos: BosChoice = "auto",
    untrained: bool = False,
) -> LoadedModel:
    """A model that is in no roster, ready for the engine.

    Args:
        model: a hub id, a local folder, a GGUF file, or a model in memory.
        tokenizer: of a model in memory.
        bos: as in a roster entry.
        untrained: whether weights that are noise are taken.

    Raises:
        CircuitScalingError: there is no such model, its tokenizer is missing, or the engine cannot
            take it.
    """
    if not isinstance(model, str | Path):
        return _in_memory(model, tokenizer, bos, untrained)
    path = Path(model)
    where: dict[str, Any] = {"folder": str(path)} if path.is_dir() else {"hub": str(model)}
    if path.suffix == ".gguf":
        where = {"folder": str(path.resolve().parent), "gguf": path.name}
    with opening(f"Model '{path.name}' cannot be loaded from '{model}'"):
        entry = RosterEntry(
            **where,
            slug=path.name,
            family="unnamed",
            params_m=1.0,
            n_layers=1,  # what the checkpoint has is not known yet
            n_heads=1,
            bos=bos,
            untrained=untrained,
        )
        config = _config(entry, "")
        check_kind(entry.slug, config)
        shape = {"n_layers": config.num_hidden_layers, "n_heads": config.num_attention_heads}
        entry = entry.model_copy(update=shape)
    reads = load_tokenizer(entry)
    return LoadedModel(load_model(entry, commit=reads.commit), reads)


def _source(entry: RosterEntry, commit: str) -> _Source:
    folder = local_folder(entry)
    of_file = {"gguf_file": entry.gguf} if entry.gguf else {}
    if folder is not None:
        if entry.gguf is None:
            _check_files(folder)
            check_pickles(entry, folder)
        return _Source(str(folder), of_file)
    check_hub_id(entry)
    return _Source(str(entry.hub), {"revision": commit or entry.revision, **of_file})


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
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase | None,
    bos: BosChoice,
    untrained: bool,
) -> LoadedModel:
    if isinstance(model, PreTrainedModel):
        if not isinstance(tokenizer, PreTrainedTokenizerBase):
            raise CircuitScalingError(
                "Give the tokenizer of the model as well, as AutoTokenizer.from_pretrained "
                "returns it: tokenizer=..."
            )
        if why := of_another_kind(model.config):
            raise refusal(type(model).__name__, why)
    anatomy = anatomy_of(model)  # refuses what is no model
    reads = cast(PreTrainedTokenizerBase, tokenizer)
    prefix = prompt_prefix(reads, bos, model.config.model_type)
    if not untrained:
        check_sense(type(model).__name__, model, reads, prefix)
    return LoadedModel(anatomy, LoadedTokenizer(reads, prefix))


def _config(entry: RosterEntry, commit: str) -> Any:
    config = _load(f"Model '{entry.slug}'", entry, commit, AutoConfig.from_pretrained)
    if entry.gguf and not config.architectures:  # a GGUF names the family only
        loaded = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(config.model_type)
        config.architectures = [loaded] if loaded else None
    return config


def _load(what: str, entry: RosterEntry, commit: str, loader: Callable[..., Any]) -> Any:
    source = _source(entry, commit)
    with opening(f"{what} cannot be loaded from '{entry.source}'"), _reading(entry):
        check_code(entry, source.place, source.options.get("revision"))
        return loader(source.place, trust_remote_code=entry.remote_code, **source.options)


def _reading(entry: RosterEntry) -> AbstractContextManager[None]:
    return read_once() if entry.gguf else nullcontext()


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
