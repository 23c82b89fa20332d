"""Whether the device that a roster entry names is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuit_scaling.models.opening import opening
from circuit_scaling.models.roster import RosterEntry

if TYPE_CHECKING:
    import torch


def check_device(entry: RosterEntry) -> None:
    """Nothing where the device is there; torch is only imported to ask for one by name.

    Raises:
        CircuitScalingError: it is not.
    """
    if entry.device not in ("auto", "cpu"):
        device_of(entry)


def device_of(entry: RosterEntry) -> torch.device:
    """The device of an entry; ``auto`` is the GPU where there is one.

    Raises:
        CircuitScalingError: it is not there.
    """
    import torch

    wanted = entry.device
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with opening(
        f"Model '{entry.slug}': the device '{wanted}' is not there (auto, cpu, cuda, cuda:0 …)"
    ):
        device = torch.device(wanted)
        torch.zeros(1, device=device).item()  # the name alone does not say that it is there
    return device
