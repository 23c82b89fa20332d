"""What a checkpoint may do when it is loaded: pickles and code of its own need consent."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from transformers.utils.hub import cached_file

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.roster import RosterEntry

# Without it, transformers asks a service for safetensors of a repository that has none, and loads
# them from another revision than the one that it was told.
os.environ["DISABLE_SAFETENSORS_CONVERSION"] = "1"

_SAFE = ("model.safetensors", "model.safetensors.index.json")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_NAMES_CODE = ("config.json", "tokenizer_config.json")


def how_to_load(entry: RosterEntry) -> dict[str, Any]:
    """What Hugging Face's loader of weights may do; safetensors come before pickles in any case.

    A pickle may hold tensors and plain data only, with consent as without.
    """
    any_weights = entry.pickled or entry.gguf is not None
    return {
        "use_safetensors": None if any_weights else True,
        "weights_only": True,
        "trust_remote_code": entry.remote_code,
    }


def check_pickles(entry: RosterEntry, folder: Path) -> None:
    """Refuse a folder whose weights are pickled, unless its entry consents.

    Raises:
        CircuitScalingError: they are; the message names the file and the ways out.
    """
    if entry.pickled or any((folder / name).exists() for name in _SAFE):
        return
    pickles = sorted(file.name for pattern in _PICKLES for file in folder.glob(pattern))
    if pickles:
        raise CircuitScalingError(
            f"Model '{entry.slug}': the weights in '{folder}' are pickled ({pickles[0]}), and a "
            "pickle may run code when it is read. Save them as safetensors (save_pretrained), or, "
            "if you trust the file, add 'pickled: true' to its roster entry."
        )


def check_code(entry: RosterEntry, place: str, revision: str | None) -> None:
    """Refuse a checkpoint that names code of its own, unless its entry consents.

    Args:
        place: its folder or hub id.

    Raises:
        CircuitScalingError: it names some; the message has the file, the code and the ways out.
    """
    if entry.remote_code or entry.gguf is not None:
        return
    for name in _NAMES_CODE:
        code = _code_named(place, name, revision)
        if code:
            commit = " with its commit as 'revision'" if entry.hub else ""
            raise CircuitScalingError(
                f"Model '{entry.slug}': {name} of '{entry.source}' names code of its own ({code}), "
                "which would run on this machine. Read it; if you trust it, add 'remote_code: "
                f"true' to its roster entry{commit}. Or take 'auto_map' out of a local copy, to "
                "load it with the classes of transformers."
            )


def without_safetensors(entry: RosterEntry) -> CircuitScalingError:
    """The error for a hub model that has no safetensors at its revision."""
    return CircuitScalingError(
        f"Model '{entry.slug}': '{entry.source}' has no model.safetensors, and pickled weights "
        "(pytorch_model.bin) are read with consent only. Give a revision that was converted "
        "(often a pull request of the repository: 'revision: refs/pr/N'), or, if you trust the "
        "file, 'pickled: true' with its commit as 'revision'."
    )


def _code_named(place: str, name: str, revision: str | None) -> str:
    """The code that a file of a checkpoint names; none where the file is not there or no JSON.

    What is wrong with it is said when it is loaded.
    """
    file = cached_file(
        place,
        name,
        revision=revision,
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    try:
        named = json.loads(Path(str(file)).read_text())["auto_map"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    found = named.values() if isinstance(named, dict) else [named]
    return ", ".join(map(str, found))
