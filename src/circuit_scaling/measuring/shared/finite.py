"""Numbers that are not finite are named: which task, how many prompts, and where first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.errors import CircuitScalingError


def check_finite(
    task: str,
    what: str,
    found: Mapping[Any, NDArray[np.float32]],
    rows: Sequence[str] = (),
) -> None:
    """Refuse results that are NaN or infinite.

    Args:
        what: was measured, such as ``the clean model``.
        found: name -> values [prompts] or [rows, prompts].
        rows: names of the rows, such as heads.

    Raises:
        CircuitScalingError: a value is not finite; the message has the task, the number of prompts
            and the first row and prompt concerned.
    """
    for name, values in found.items():
        bad = ~np.isfinite(values.reshape(-1, values.shape[-1]))
        if bad.any():
            row, prompt = np.argwhere(bad)[0]
            of_row = f"{rows[row]}, " if values.ndim > 1 else ""
            raise CircuitScalingError(
                f"Task '{task}': {name} of {what} is not finite on "
                f"{int(bad.any(axis=0).sum())} of {values.shape[-1]} prompts (first: {of_row}"
                f"prompt {prompt}). The model's logits are NaN or overflow: load its weights in "
                "another dtype (dtype: float32), or take another checkpoint."
            )
