"""What a checkpoint says of itself, read in milliseconds: no weights, no torch."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
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
        _check_safetensors(entry, file)


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


def _check_safetensors(entry: RosterEntry, file: Path) -> None:
    """The header, and that the file is as long as it says."""
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            if length > _LONGEST_HEADER:
                raise ValueError("it does not begin as such a file does")
            header = json.loads(opened.read(length))
        ends = [t["data_offsets"][1] for name, t in header.items() if name != "__metadata__"]
        expected, found = 8 + length + max(ends, default=0), file.stat().st_size
    except (OSError, ValueError, struct.error, LookupError, TypeError, AttributeError) as error:
        raise _unreadable(entry, file, reason_of(error)) from error
    if found != expected:
        raise _unreadable(entry, file, f"it has {found:,} bytes in place of {expected:,}")


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
