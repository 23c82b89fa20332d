"""Where a model's files and its device are, and what of it is missing, without loading it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.device import check_device
from circuit_scaling.models.headers import Headers, check_headers, headers_in
from circuit_scaling.models.hub import Hub, cached_folder
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.sources import check_hub_id, local_folder

if TYPE_CHECKING:
    import torch

_CHECKS: tuple[Callable[[RosterEntry], None], ...] = (check_hub_id, check_headers)


@dataclass(frozen=True)
class Place:
    """What is known of where a model is.

    Attributes:
        headers: of its checkpoint, where that is here and has some.
        download: bytes that are not here; 0 where nothing has to come, None where nobody knows.
        missing: what keeps it from being opened, each with its way out.
    """

    headers: Headers | None
    download: int | None
    missing: tuple[str, ...]


def place_of(entry: RosterEntry, hub: Hub) -> Place:
    """Look for the checkpoint: in its folder or package, in the cache of the hub, on the hub."""
    try:
        for check in _CHECKS:
            check(entry)
        folder = local_folder(entry) if entry.hub is None else cached_folder(entry)
        if folder is not None:
            _check_consent(entry, folder)
            return Place(headers_in(entry, folder), 0, ())
    except CircuitScalingError as error:
        return Place(None, 0, (error.message,))
    answer = hub.ask(entry)
    return Place(None, answer.size, (f"{answer.fault}.",) if answer.fault else ())


def device_of(entry: RosterEntry) -> torch.device | str:
    """The device of an entry, or why it is not there."""
    from circuit_scaling.models import device

    try:
        check_device(entry)
        return device.device_of(entry)
    except CircuitScalingError as error:
        return error.message


def free_on(device: torch.device) -> int:
    """Bytes of memory that nobody uses on a device."""
    from circuit_scaling.interventions.model import memory

    return memory.free_memory(device)


def _check_consent(entry: RosterEntry, folder: Path) -> None:
    """Refuse pickles without consent; transformers is only imported where there may be some."""
    if entry.gguf is None and not entry.pickled and not any(folder.glob("*.safetensors")):
        from circuit_scaling.models.consent import check_pickles

        check_pickles(entry, folder)
