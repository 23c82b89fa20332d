"""What a checkpoint says of itself, read in milliseconds: no weights, no torch."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from circuit_scaling.errors import CircuitScalingError, reason_of
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.sources import local_folder

# What architectures call the same thing in config.json.
_LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
_HEADS = ("num_attention_heads", "n_head", "num_heads", "n_heads")
_WIDTH = ("hidden_size", "n_embd", "d_model")
_LONGEST_HEADER = 100_000_000  # bytes, as the format has it


@dataclass(frozen=True)
class Headers:
    """What the headers of a checkpoint say.

    Attributes:
        config: its config.json.
        shapes: tensor -> its shape; empty where no weights are in safetensors.
    """

    config: Mapping[str, Any]
    shapes: Mapping[str, tuple[int, ...]]

    @property
    def d_model(self) -> int | None:
        """The width of the residual stream, where the configuration says it."""
        return _told(self.config, _WIDTH)


def headers_in(entry: RosterEntry, folder: Path) -> Headers | None:
    """The headers of a checkpoint in a folder; None of a GGUF file, which has others.

    Raises:
        CircuitScalingError: one of them cannot be read.
    """
    if entry.gguf is not None:
        return None
    shapes: dict[str, tuple[int, ...]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        tensors = _safetensors(entry, file)
        shapes |= {name: tuple(tensor["shape"]) for name, tensor in tensors.items()}
    return Headers(_json(entry, folder / "config.json"), shapes)


def check_headers(entry: RosterEntry) -> None:
    """Nothing where a local checkpoint can be read as far as its headers and fits its entry.

    Of a hub model nothing is looked at. What a config.json does not say is not compared; it is
    when the model is loaded.

    Raises:
        CircuitScalingError: there is no such folder, package or file; config.json, or the header of
            a file of weights, cannot be read; or layers, heads or width are others than the
            entry's.
    """
    folder = local_folder(entry)
    if folder is None:
        return
    if entry.gguf is not None:
        _check_gguf(entry, folder / entry.gguf)
        return
    config = _json(entry, folder / "config.json")
    wanted: dict[str, tuple[int, tuple[str, ...]]] = {
        "layers": (entry.n_layers, _LAYERS),
        "heads": (entry.n_heads, _HEADS),
    }
    if entry.d_model is not None:
        wanted["d_model"] = (entry.d_model, _WIDTH)
    told = {name: _told(config, words) for name, (_, words) in wanted.items()}
    if any(told[name] not in (None, size) for name, (size, _) in wanted.items()):
        sizes = ", ".join(f"{size} {name}" for name, (size, _) in wanted.items())
        found = ", ".join(f"{size} {name}" for name, size in told.items() if size is not None)
        raise CircuitScalingError(
            f"Model '{entry.slug}': the roster says {sizes}; the checkpoint has {found}. Correct "
            "the roster entry."
        )
    for file in sorted(folder.glob("*.safetensors")):
        _safetensors(entry, file)


def _told(config: Mapping[str, Any], words: tuple[str, ...]) -> int | None:
    return next((config[word] for word in words if isinstance(config.get(word), int)), None)


def _json(entry: RosterEntry, file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(entry, file, reason_of(error)) from error
    if not isinstance(found, Mapping):
        raise _unreadable(entry, file, "it holds no names with values")
    return found


def _safetensors(entry: RosterEntry, file: Path) -> dict[str, Any]:
    """The tensors that the header names, of a file that is as long as it says."""
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            if length > _LONGEST_HEADER:
                raise ValueError("it does not begin as such a file does")
            header = json.loads(opened.read(length))
        tensors = {name: tensor for name, tensor in header.items() if name != "__metadata__"}
        ends = [tensor["data_offsets"][1] for tensor in tensors.values()]
        expected, found = 8 + length + max(ends, default=0), file.stat().st_size
    except (OSError, ValueError, struct.error, LookupError, TypeError, AttributeError) as error:
        raise _unreadable(entry, file, reason_of(error)) from error
    if found != expected:
        raise _unreadable(entry, file, f"it has {found:,} bytes in place of {expected:,}")
    return tensors


def _check_gguf(entry: RosterEntry, file: Path) -> None:
    try:
        with file.open("rb") as opened:
            begins = opened.read(4)
    except OSError as error:
        raise _unreadable(entry, file, reason_of(error)) from error
    if begins != b"GGUF":
        raise _unreadable(entry, file, "it does not begin as a GGUF file does")


def _unreadable(entry: RosterEntry, file: Path, why: str) -> CircuitScalingError:
    return CircuitScalingError(
        f"Model '{entry.slug}' cannot be loaded: '{file}' cannot be read ({why}). Save or download "
        "the checkpoint again."
    )
