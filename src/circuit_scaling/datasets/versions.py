"""Versions of a table: every one that is saved is later than those that are there."""

from __future__ import annotations

from datetime import datetime, timedelta

_FORMAT = "%Y-%m-%dT%H.%M.%S.%fZ"
_LAST = 3  # digits of microseconds, which Kedro's versions do not have


def at_least(version: str, newest: str | None) -> str:
    """``version``, or the next one after ``newest`` where that is not older.

    A clock that was set back, a second machine's clock and a second save of one session would
    otherwise write a version that is never read, because a newer one is there.
    """
    # Kedro sorts paths, so that a version ends in a slash where they are compared.
    if newest is None or f"{version}/" > f"{newest}/":
        return version
    try:
        moment = datetime.strptime(newest, _FORMAT) + timedelta(milliseconds=1)
    except (ValueError, OverflowError):  # somebody's own name for a version
        return f"{newest}0"
    text = moment.strftime(_FORMAT).removesuffix("Z")
    return f"{text[:-_LAST]}Z"
