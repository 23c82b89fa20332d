"""Whether a checkpoint's tensors are those of the model, every one, and hold numbers."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from torch import nn

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.vocabulary import first_few

_SHOWN = 3
# Masks and positions that older versions saved beside the weights, and newer ones compute.
_COMPUTED = re.compile(
    r"\.(masked_bias|causal_mask|inv_freq|cos_cached|sin_cached|position_ids|embed_positions)$"
    r"|\.(attn|attention)\.bias$"
)


def check_tensors(slug: str, source: str, model: nn.Module, report: dict[str, Any]) -> None:
    """Refuse a checkpoint whose tensors are not exactly those of the model.

    A tensor that is missing has random or default values in its place. Tied weights, and masks and
    positions, which are computed, are not missing.

    Args:
        report: what ``from_pretrained`` gives with ``output_loading_info``.

    Raises:
        CircuitScalingError: tensors are missing, have another shape, or have no place in the model;
            the message counts and names them.
    """
    missing, unexpected = (
        sorted(name for name in report[kind] if not _COMPUTED.search(name))
        for kind in ("missing_keys", "unexpected_keys")
    )
    misfits = sorted(report["mismatched_keys"])
    faults = []
    if missing:
        faults.append(f"{_counted(missing, 'is', 'are')} missing ({_shown(missing)})")
    if misfits:
        named = [f"{name}: {_size(found)} for {_size(wanted)}" for name, found, wanted in misfits]
        faults.append(f"{_counted(misfits, 'has', 'have')} another shape ({_shown(named)})")
    if unexpected:
        faults.append(
            f"{_counted(unexpected, 'has', 'have')} no place in the model ({_shown(unexpected)})"
        )
    faults += [str(message) for message in report.get("error_msgs", ())]
    if faults:
        raise CircuitScalingError(
            f"Model '{slug}' cannot be loaded from '{source}': its tensors are not those of the "
            f"{type(model).__name__} that its config.json describes: {'; '.join(faults)}. "
            f"{_way_out(missing, unexpected)}"
        )


def check_values(model: nn.Module) -> None:
    """Refuse weights that are no numbers.

    Raises:
        CircuitScalingError: a weight is NaN or infinite; the message counts and names the first.
    """
    bad = [(n, p) for n, p in model.named_parameters() if not bool(p.isfinite().all())]
    if bad:
        name, first = bad[0]
        tensors = "1 tensor" if len(bad) == 1 else f"{len(bad)} tensors"
        raise CircuitScalingError(
            f"The model's weights are not finite: NaN or infinity in {tensors}, first in {name} "
            f"({int((~first.isfinite()).sum())} of {first.numel()} values). The checkpoint is "
            "damaged, or too large for its dtype: take another one, or load it with "
            "'dtype: float32'."
        )


def _way_out(missing: list[str], unexpected: list[str]) -> str:
    """What a wrapper puts before every name is the commonest reason, and easily mended."""
    for name in missing:
        if unexpected and unexpected[0].endswith(name):
            prefix = unexpected[0].removesuffix(name)
            if all(other.startswith(prefix) for other in unexpected):
                return (
                    f"Its names begin with '{prefix}', which a wrapper put there (torch.compile, "
                    "DataParallel): save the model that is inside it."
                )
    return "Save the model again with save_pretrained, or correct its config.json."


def _counted(names: Collection[object], one: str, several: str) -> str:
    return f"1 tensor {one}" if len(names) == 1 else f"{len(names)} tensors {several}"


def _shown(names: list[str]) -> str:
    return first_few(names, _SHOWN)


def _size(shape: Any) -> str:
    return " x ".join(str(n) for n in shape)
