"""Opening models: one at a time, and whatever a library raises on the way becomes one line."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from circuit_scaling.errors import CircuitScalingError, reason_of

ONE_MODEL_AT_A_TIME = threading.RLock()
"""Held while a model is opened and while it is measured.

Loading and measuring set switches of the whole process (the default dtype, determinism, TF32), and
the memory of one model is budgeted as if it were alone; its operations use all cores anyway.
"""


@contextmanager
def opening(what: str) -> Iterator[None]:
    """Open something of a model; other threads wait.

    Args:
        what: the beginning of the message, with the model and the file or folder.

    Raises:
        CircuitScalingError: something went wrong inside; libraries raise errors of every kind, from
            a missing package to a pickle that is refused, and none of them is the user's traceback.
    """
    with ONE_MODEL_AT_A_TIME:
        try:
            yield
        except CircuitScalingError:
            raise
        except Exception as error:  # of whatever kind: see above
            raise CircuitScalingError(f"{what}: {reason_of(error)}") from error
