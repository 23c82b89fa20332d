"""Stored tables that were made from something else than is there now, refused by name."""

from __future__ import annotations

from collections.abc import Iterable

from circuit_scaling.errors import CircuitScalingError


def check_made_with(
    expected: str | None,
    found: Iterable[str],
    *,
    what: str,
    others: str,
    again: str,
    fits: bool = True,
) -> None:
    """Stop where stored tables carry another fingerprint than the expected one.

    Args:
        expected: the fingerprint of what is there now; None where the tables should be empty.
        found: the fingerprints of the stored rows.
        what: the beginning of the message: what is stored, and that it was made.
        others: what may have changed beside parameters and engine.
        again: what to do, with the command.
        fits: False where something else than the fingerprint does not fit already.

    Raises:
        CircuitScalingError: they do, or do not fit; one line with both fingerprints and ``again``.
    """
    marks = set(found)
    if fits and marks == ({expected} if expected else set()):
        return
    raise CircuitScalingError(
        f"{what} with {others}, other parameters or another engine (fingerprint "
        f"{', '.join(sorted(marks)) or 'none'}, now {expected or 'none'}). {again}"
    )
